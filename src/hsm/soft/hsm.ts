import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import type { Asymmetric } from "../../engine/asymmetric/asymmetric.ts";
import { ektHead, ektSuites, parseEkt } from "../../model/ekt.ts";
import { type HbkMeta, isExposed } from "../../model/hbk.ts";
import type { EncryptionAlgorithm, HbkSpec, KeyUsage } from "../../model/key-spec.ts";
import type { DomainKeyId } from "../domain-key.ts";
import type { DataKey, Ekt, Health, Hsm, HsmInfo, Opening, Sealing } from "../hsm.ts";
import type { Domain } from "./domain.ts";
import { generateHmacKey, macByExposed } from "./exposed-keys.ts";
import { SoftImports } from "./imports.ts";
import { SoftKeyPairs } from "./key-pairs.ts";
import { refusal, requireServed } from "./served.ts";

/** Keys of ciphertexts are derived from it, be they of AES-256 or SM4. */
const symmetricLength = 32;

export class SoftHsm implements Hsm {
  readonly keyPairs: SoftKeyPairs;
  readonly imports: SoftImports;
  readonly #domain: Domain;
  readonly #asymmetric: Asymmetric;

  constructor(domain: Domain, asymmetric: Asymmetric) {
    this.keyPairs = new SoftKeyPairs(domain, asymmetric);
    this.imports = new SoftImports(domain, asymmetric);
    this.#domain = domain;
    this.#asymmetric = asymmetric;
  }

  get info(): HsmInfo {
    return this.#domain.info;
  }

  refusal(spec: HbkSpec, usage: KeyUsage): string | undefined {
    return refusal(this.#asymmetric, this.#domain.engine, spec, usage);
  }

  async generateKey(meta: HbkMeta): Promise<Ekt> {
    if (meta.kind === "kms-private") throw unsupported("private keys without their public ones");
    if (meta.usage !== "INTERNAL") requireServed(this.#asymmetric, this.#domain.engine, meta);
    if (isExposed(meta)) return generateHmacKey(this.#domain, meta);
    return this.#domain.boundary.generate(this.#domain.head(meta), symmetricLength);
  }

  async importKey(meta: HbkMeta, material: Bytes): Promise<Ekt> {
    if (meta.kind !== "sigv4") throw unsupported(`the import of ${meta.kind} keys`);
    return this.#domain.boundary.import(this.#domain.head(meta), material);
  }

  async encrypt(key: Ekt, algorithm: EncryptionAlgorithm, plaintext: Bytes, aad: Bytes): Promise<Bytes> {
    assertServed(algorithm);
    return this.#domain.boundary.encrypt(this.#domain.met(key), aad, plaintext);
  }

  async decrypt(key: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes, aad: Bytes): Promise<Bytes | null> {
    assertServed(algorithm);
    return this.#domain.boundary.decrypt(this.#domain.met(key), aad, ciphertext);
  }

  async generateDataKey(key: Ekt, length: number, aad: Bytes, want: "both" | "ciphertext"): Promise<DataKey> {
    return this.#domain.boundary.generateDataKey(this.#domain.met(key), aad, length, want);
  }

  async reEncrypt(source: Opening, destination: Sealing): Promise<Bytes | null> {
    assertServed(source.algorithm);
    assertServed(destination.algorithm);
    return this.#domain.boundary.reEncrypt(
      { ekt: this.#domain.met(source.key), aad: source.aad, ciphertext: source.ciphertext },
      { ekt: this.#domain.met(destination.key), aad: destination.aad },
    );
  }

  async mac(key: Ekt, message: Bytes): Promise<Bytes> {
    const { meta } = parseEkt(key);
    if (meta.kind === "kms-hmac" && isExposed(meta)) return macByExposed(this.#domain, key, meta.spec, message);
    return this.#domain.boundary.mac(this.#domain.met(key), message);
  }

  async replicate(key: Ekt, region: string): Promise<Ekt> {
    const { meta } = parseEkt(key);
    if (meta.usage === "INTERNAL") throw new HsmError("refused", "only KMS keys are in several regions");
    return this.#domain.rewrap(key, { ...meta, region });
  }

  async release(key: Ekt): Promise<Bytes> {
    return this.#domain.boundary.release(this.#domain.met(key));
  }

  async random(length: number): Promise<Bytes> {
    return this.#domain.boundary.random(length);
  }

  async readAnchor(): Promise<Bytes | undefined> {
    const { anchor } = this.#domain.reload();
    return anchor === undefined ? undefined : Uint8Array.fromBase64(anchor);
  }

  async writeAnchor(anchor: Bytes): Promise<void> {
    if (anchor.length > 1024) throw new RangeError("an anchor has at most 1,024 bytes");
    this.#domain.change((state) => ({ ...state, anchor: anchor.toBase64() }));
  }

  holds(id: DomainKeyId): boolean {
    return this.#domain.holds(id);
  }

  async reload(): Promise<void> {
    this.#domain.reload();
  }

  async health(): Promise<Health> {
    try {
      const { boundary } = this.#domain;
      const id = this.#domain.activeId();
      const head = ektHead(ektSuites.gcm, id, undefined, canary);
      const ekt = boundary.generate(head, symmetricLength);
      const ok = equalBytes(parseEkt(boundary.rewrap(ekt, head)).hbkId, parseEkt(ekt).hbkId);
      return { ok, detail: ok ? "the active domain key wraps and unwraps" : "the active domain key does not unwrap" };
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : "unknown failure" };
    }
  }

  async close(): Promise<void> {
    this.#domain.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Made, unwrapped, wrapped again and forgotten by `health`. */
const canary: HbkMeta = {
  kind: "audit",
  spec: "SYMMETRIC_DEFAULT",
  usage: "INTERNAL",
  origin: "AWS_KMS",
  account: "",
  region: "",
  keyId: new Uint8Array(16),
};

function assertServed(algorithm: EncryptionAlgorithm): void {
  if (algorithm !== "SYMMETRIC_DEFAULT") throw unsupported(algorithm);
}

const unsupported = (what: string): HsmError => new HsmError("unsupported", `The soft HSM does not serve ${what}.`);
