import type { Bytes } from "../../../base/bytes.ts";
import { HsmError, refused } from "../../../base/errors.ts";
import { parseEkt } from "../../../model/ekt.ts";
import { type HbkMeta, isSameKey, kindOfSpec } from "../../../model/hbk.ts";
import type { WrappingAlgorithm, WrappingKeySpec } from "../../../model/key-spec.ts";
import type { Ekt, ImportedKey, NewKeyPair } from "../../hsm.ts";
import type { Handle } from "../cryptoki/cryptoki.ts";
import { twice } from "../cryptoki/second-try.ts";
import type { BackingKey } from "../keys/backing-keys.ts";
import { committedId } from "../keys/hbk-id.ts";
import { bitsOf, isPrivate } from "../keys/private-key.ts";
import { rsaSpki } from "../keys/public-key.ts";
import type { OaepHash } from "../keys/rsa.ts";
import { testOaep } from "../keys/transport-key.ts";
import { hashOf, type Unwrapped, Unwrapping } from "../keys/unwrapping.ts";
import { unwrappingRefusal } from "../profile/import-abilities.ts";
import type { ImportMethod } from "../protocol.ts";
import { generated } from "./pair-generation.ts";
import type { ProfiledToken } from "./service.ts";

/** `Imports` as the worker serves it: neither wrapping keys nor what they unwrap are ever seen outside the token. */
export class TokenImports implements Record<ImportMethod, (...args: never[]) => unknown> {
  readonly #opened: ProfiledToken;
  readonly #unwrapping: Unwrapping;

  constructor(opened: ProfiledToken) {
    this.#opened = opened;
    this.#unwrapping = new Unwrapping(opened.token, opened.wrappings);
  }

  /** The key is unwrapped from its token again, and tried (FIPS 140-3 IG 10.3.A: pair-wise consistency). */
  async wrappingKey(meta: HbkMeta): Promise<NewKeyPair> {
    if (meta.kind !== "import" || meta.usage !== "INTERNAL" || !isPrivate(meta)) {
      throw refused("there are no such wrapping keys");
    }
    const { engine, keys } = this.#opened;
    const made = await generated(this.#opened, meta, ({ handle, spki }) => ({
      ekt: keys.seal(meta, handle, committedId(engine, meta, spki)),
      publicKey: spki,
    }));
    if (this.#opens(this.#wrapping(made.ekt).handle, ["sha256", "sha1"])) return made;
    throw new HsmError("internal", "the halves of the new key pair do not belong together");
  }

  unwrap(meta: HbkMeta, ekt: Ekt, algorithm: WrappingAlgorithm, wrapped: Bytes): ImportedKey | "unfit" | null {
    const wrapping = this.#wrapping(ekt);
    const keySpec = wrapping.meta.spec as WrappingKeySpec;
    if (!isSameKey(wrapping.meta, meta)) throw refused("the wrapping key is for another key");
    if (kindOfSpec(meta.spec) !== meta.kind || meta.usage === "INTERNAL") throw refused("there are no such keys");
    const { keys, domain, profile } = this.#opened;
    const reason = unwrappingRefusal(profile.imports, profile.pairs, meta.spec, { algorithm, keySpec });
    if (reason !== undefined) throw new HsmError("unsupported", reason);
    const taken = twice(
      () => this.#unwrapping.take(meta, wrapping.handle, algorithm, wrapped, bitsOf(keySpec) / 8),
      isKey,
      () => {
        keys.probe(domain.active());
        if (this.#opens(wrapping.handle, [hashOf(algorithm)])) return;
        throw new HsmError("unavailable", "the token does not unwrap what is wrapped under its own key");
      },
    );
    return isKey(taken) ? keys.passing(taken.key, () => this.#sealed(meta, taken)) : taken;
  }

  #wrapping(ekt: Ekt): BackingKey {
    const key = this.#opened.keys.open(ekt, ["import"], "INTERNAL");
    if (isPrivate(key.meta)) return key;
    throw refused("the key token is of no wrapping key");
  }

  #opens(privateKey: Handle, hashes: readonly OaepHash[]): boolean {
    const { token } = this.#opened;
    return testOaep(token, privateKey, rsaSpki(token, privateKey), hashes) !== undefined;
  }

  /** Unwrapped again, it must still be the same: SoftHSM 2.6.1 leaves the zeros with which RFC 5649 pads at its end. */
  #sealed(meta: HbkMeta, { key, spki }: Unwrapped): ImportedKey {
    const { keys, engine } = this.#opened;
    const ekt = keys.seal(meta, key, spki && committedId(engine, meta, spki));
    const { hbkId } = parseEkt(ekt);
    try {
      keys.confirm(ekt, meta, hbkId);
    } catch (cause) {
      if (!(cause instanceof HsmError) || cause.kind !== "refused") throw cause;
      throw new HsmError("unsupported", "The token does not keep key material of this length as it is.", { cause });
    }
    return { ekt, ...(spki && { publicKey: spki }) };
  }
}

const isKey = (taken: Unwrapped | "unfit" | null): taken is Unwrapped => taken !== null && taken !== "unfit";
