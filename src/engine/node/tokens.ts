import { type Bytes, concat, hex, uint16, utf8 } from "../../base/bytes.ts";
import { HsmError, refused } from "../../base/errors.ts";
import { secretFrom, wipe } from "../../base/secret.ts";
import { ivLength, tagLength } from "../../model/ciphertext.ts";
import { ektSuites, parseEkt, parseEktHead } from "../../model/ekt.ts";
import { type HbkMeta, isExposed } from "../../model/hbk.ts";
import { kbkdfFixedInput, namingMessage, noNonce } from "../../model/kbkdf.ts";
import type { Engine } from "../engine.ts";

const mostDomainKeys = 32;
const domainLabel = utf8("SR1-domains");
const nameLabel = utf8("SR1-keyname");

/** A key token that was authentic. `material` is wiped when the call it was opened for ends. */
export interface OpenKey {
  readonly meta: HbkMeta;
  readonly hbkId: Bytes;
  readonly material: Bytes;
}

/** The root key, the domain keys under it, and the key tokens under those. */
export class Tokens {
  readonly #engine: Engine;
  readonly #random: (length: number) => Bytes;
  readonly #domainKeys = new Map<string, Bytes>();
  #root: Bytes | undefined;

  /** `random` serves the initialization vectors. */
  constructor(engine: Engine, random: (length: number) => Bytes) {
    this.#engine = engine;
    this.#random = random;
  }

  setRoot(key: Bytes): void {
    if (key.length !== 32) throw new RangeError("root key length");
    if (this.#root) throw new HsmError("internal", "the root key is already set");
    this.#root = secretFrom(key);
  }

  /** Takes `key` over. */
  holdDomainKey(id: Bytes, key: Bytes): void {
    if (id.length !== 16) throw new RangeError("domain key id length");
    this.dropDomainKey(id);
    if (this.#domainKeys.size === mostDomainKeys) {
      wipe(key);
      throw new HsmError("internal", `${mostDomainKeys} domain keys are in use`);
    }
    this.#domainKeys.set(hex(id), key);
  }

  sealDomainKey(id: Bytes): Bytes {
    return this.#seal(this.#rootKey(), concat(domainLabel, id), this.#domainKey(id));
  }

  openDomainKey(id: Bytes, sealed: Bytes): boolean {
    const key = this.#unseal(this.#rootKey(), concat(domainLabel, id), sealed);
    if (key) this.holdDomainKey(id, key);
    return key !== null;
  }

  dropDomainKey(id: Bytes): void {
    wipe(this.#domainKeys.get(hex(id)));
    this.#domainKeys.delete(hex(id));
  }

  /** A token over `material`, refused unless that has the name `hbkId` where one is given. */
  seal(head: Bytes, material: Bytes, hbkId?: Bytes): Bytes {
    const { meta } = parseEktHead(head);
    if (isExposed(meta)) throw refused("the boundary does not compute with such keys");
    const name = this.#nameOf(meta, material);
    if (hbkId && !this.#engine.equal(name, hbkId)) throw refused("the material is not that of the HBK id");
    return this.#sealNamed(head, name, material);
  }

  /** A token over the material of an exposed key, which cannot be named by it. */
  sealExposed(head: Bytes, hbkId: Bytes, material: Bytes): Bytes {
    if (!isExposed(parseEktHead(head).meta)) throw refused("the boundary names such keys itself");
    return this.#sealNamed(head, hbkId, material);
  }

  /** The HBK id by what it commits to. */
  nameBy(keyId: Bytes, commitment: Bytes): Bytes {
    return this.#engine.sha256(concat(nameLabel, keyId, commitment));
  }

  open<Answer>(ekt: Bytes, use: (key: OpenKey) => Answer): Answer {
    const { suite, domainKeyId, meta, head, hbkId, wrapped, tag } = parseEkt(ekt);
    if (suite !== ektSuites.gcm) throw refused("not a key token of this HSM's suite");
    const beforeIv = concat(head, hbkId, uint16(wrapped.length));
    const material = this.#unseal(this.#domainKey(domainKeyId), beforeIv, concat(wrapped, tag));
    if (!material) throw refused("the key token is not authentic");
    return wiping(material, () => use({ meta, hbkId, material }));
  }

  close(): void {
    wipe(this.#root, ...this.#domainKeys.values());
    this.#root = undefined;
    this.#domainKeys.clear();
  }

  #rootKey(): Bytes {
    if (!this.#root) throw new HsmError("internal", "the root key is not set");
    return this.#root;
  }

  #domainKey(id: Bytes): Bytes {
    const key = this.#domainKeys.get(hex(id));
    if (!key) throw refused("the domain key is not present");
    return key;
  }

  /** The HBK id, which is the commitment to the key that GCM itself lacks. */
  #nameOf(meta: HbkMeta, material: Bytes): Bytes {
    if (meta.kind !== "kms-hmac" && meta.kind !== "sigv4") {
      return this.#engine.kbkdf(material, kbkdfFixedInput("SR1-keyname", meta.keyId, noNonce));
    }
    return wiping(this.#engine.hmacSha256(material, namingMessage), (tag) => this.nameBy(meta.keyId, tag));
  }

  #sealNamed(head: Bytes, name: Bytes, material: Bytes): Bytes {
    const { suite, domainKeyId } = parseEktHead(head);
    if (suite !== ektSuites.gcm) throw refused("not a head of this HSM's suite");
    const beforeIv = concat(head, name, uint16(ivLength + material.length));
    return concat(beforeIv, this.#seal(this.#domainKey(domainKeyId), beforeIv, material));
  }

  /** `IV ‖ ciphertext ‖ tag` */
  #seal(key: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
    const iv = this.#random(ivLength);
    return concat(iv, this.#engine.gcmSeal(key, iv, aad, plaintext));
  }

  #unseal(key: Bytes, aad: Bytes, sealed: Bytes): Bytes | null {
    if (sealed.length < ivLength + tagLength) return null;
    return this.#engine.gcmOpen(key, sealed.subarray(0, ivLength), aad, sealed.subarray(ivLength));
  }
}

/** What `use` makes of the secret, which is wiped then. */
export function wiping<Answer>(secret: Bytes, use: (secret: Bytes) => Answer): Answer {
  try {
    return use(secret);
  } finally {
    wipe(secret);
  }
}
