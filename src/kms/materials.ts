import { type Bytes, hex } from "../base/bytes.ts";
import { HsmError, KmsError } from "../base/errors.ts";
import type { Ekt, Hsm, KeyPairs } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { namedHbkId } from "../model/ciphertext.ts";
import type { KeyRecord } from "../model/key.ts";
import { keyPairsOf } from "./material.ts";
import { hbkPath, type Records } from "./records.ts";

/** The materials of one key, by their HBK ids, for `UsableKey` alone: whoever has this has the key. */
export class Materials {
  readonly #records: Records;
  readonly #hsms: HsmSet;
  readonly #key: KeyRecord;

  constructor({ records, hsms }: { readonly records: Records; readonly hsms: HsmSet }, key: KeyRecord) {
    this.#records = records;
    this.#hsms = hsms;
    this.#key = key;
  }

  use<T>(hbkId: string, call: (ekt: Ekt, hsm: Hsm) => Promise<T>, patient = false): Promise<T> {
    return this.#reading([hbkId], async () => this.#hsms.use(await this.#tokens(hbkId), call, patient));
  }

  usePair<T>(hbkId: string, call: (ekt: Ekt, pairs: KeyPairs) => Promise<T>, patient = false): Promise<T> {
    return this.use(hbkId, (ekt, hsm) => call(ekt, keyPairsOf(hsm)), patient);
  }

  /** With a material of another key, in one call inside one HSM; undefined where no HSM holds both. */
  useBoth<T>(
    hbkId: string,
    other: Materials,
    otherId: string,
    call: (ours: Ekt, theirs: Ekt, hsm: Hsm) => Promise<T>,
  ): Promise<T | undefined> {
    return this.#reading([hbkId, otherId], async () => {
      const [ours, theirs] = [await this.#tokens(hbkId), await other.#tokens(otherId)];
      return this.#hsms.useBoth(ours, theirs, call);
    });
  }

  /** A token may have been wrapped anew since it was read: when the HSM refuses it, it is read again, once. */
  async #reading<T>(hbkIds: readonly string[], use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      if (!(error instanceof HsmError && error.kind === "refused")) throw error;
      this.#records.forget(hbkIds.map((hbkId) => ({ path: hbkPath(this.#key.region, hbkId) })));
      return use();
    }
  }

  async #tokens(hbkId: string): Promise<Tokens> {
    const hbk = await this.#found(hbkId);
    if (hbk?.value.record.keyId !== this.#key.id) throw new KmsError("InvalidCiphertextException");
    return hbk.value.tokens;
  }

  #found(hbkId: string) {
    return this.#records.hbk(this.#key.region, hbkId);
  }
}

/** The HBK that a ciphertext names, hexadecimal. */
export function hbkOf(ciphertext: Bytes): string {
  const hbkId = namedHbkId(ciphertext);
  if (!hbkId) throw new KmsError("InvalidCiphertextException");
  return hex(hbkId);
}
