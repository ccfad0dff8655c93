import type { Bytes } from "../../base/bytes.ts";
import type { HbkMeta } from "../../model/hbk.ts";
import type { EncryptionAlgorithm, KeySpec, KeyUsage } from "../../model/key-spec.ts";
import type {
  DataKey,
  DomainKey,
  DomainKeyId,
  Driver,
  Ekt,
  Health,
  Hsm,
  HsmAdmin,
  HsmInfo,
  Opening,
  Pkcs11Config,
  Sealing,
  TransportKey,
} from "../hsm.ts";
import { Connection, startWorker } from "./connection.ts";

/** Any PKCS#11 module, in a process of its own: worker.ts. */
export const driver: Driver<Pkcs11Config> = {
  async init(config) {
    const { link, answer } = await startWorker("init", config);
    await link.close();
    return answer as HsmInfo;
  },
  open: async (config) => new Pkcs11Hsm(await Connection.open("hsm", config)),
  openAdmin: async (config) => new Pkcs11Admin(await Connection.open("admin", config)),
};

export class Pkcs11Hsm implements Hsm {
  readonly #worker: Connection<"hsm">;

  constructor(worker: Connection<"hsm">) {
    this.#worker = worker;
  }

  get info(): HsmInfo {
    return this.#worker.info;
  }

  /** The process that works now, for those who watch it. */
  get workerPid(): number | undefined {
    return this.#worker.pid;
  }

  refusal(spec: KeySpec, usage: KeyUsage): string | undefined {
    if (spec === "SYMMETRIC_DEFAULT" && usage === "ENCRYPT_DECRYPT") return undefined;
    return `The PKCS#11 driver does not serve ${spec} keys for ${usage}.`;
  }

  generateKey(meta: HbkMeta): Promise<Ekt> {
    return this.#worker.call("generateKey", meta);
  }

  importKey(meta: HbkMeta, material: Bytes): Promise<Ekt> {
    return this.#worker.call("importKey", meta, material);
  }

  encrypt(key: Ekt, algorithm: EncryptionAlgorithm, plaintext: Bytes, aad: Bytes): Promise<Bytes> {
    return this.#worker.call("encrypt", key, algorithm, plaintext, aad);
  }

  decrypt(key: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes, aad: Bytes): Promise<Bytes | null> {
    return this.#worker.call("decrypt", key, algorithm, ciphertext, aad);
  }

  generateDataKey(key: Ekt, length: number, aad: Bytes, want: "both" | "ciphertext"): Promise<DataKey> {
    return this.#worker.call("generateDataKey", key, length, aad, want);
  }

  reEncrypt(source: Opening, destination: Sealing): Promise<Bytes | null> {
    return this.#worker.call("reEncrypt", source, destination);
  }

  mac(key: Ekt, message: Bytes): Promise<Bytes> {
    return this.#worker.call("mac", key, message);
  }

  release(key: Ekt): Promise<Bytes> {
    return this.#worker.call("release", key);
  }

  random(length: number): Promise<Bytes> {
    return this.#worker.call("random", length);
  }

  readAnchor(): Promise<Bytes | undefined> {
    return this.#worker.call("readAnchor");
  }

  writeAnchor(anchor: Bytes): Promise<void> {
    return this.#worker.call("writeAnchor", anchor);
  }

  reload(): Promise<void> {
    return this.#worker.call("reload");
  }

  async health(): Promise<Health> {
    try {
      return await this.#worker.call<Health>("health");
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  close(): Promise<void> {
    return this.#worker.close();
  }
}

class Pkcs11Admin implements HsmAdmin {
  readonly #worker: Connection<"admin">;

  constructor(worker: Connection<"admin">) {
    this.#worker = worker;
  }

  get info(): HsmInfo {
    return this.#worker.info;
  }

  domainKeys(): Promise<readonly DomainKey[]> {
    return this.#worker.call("domainKeys");
  }

  addDomainKey(): Promise<DomainKeyId> {
    return this.#worker.call("addDomainKey");
  }

  activateDomainKey(id: DomainKeyId): Promise<void> {
    return this.#worker.call("activateDomainKey", id);
  }

  quarantineDomainKey(id: DomainKeyId): Promise<void> {
    return this.#worker.call("quarantineDomainKey", id);
  }

  destroyDomainKey(id: DomainKeyId): Promise<void> {
    return this.#worker.call("destroyDomainKey", id);
  }

  rewrap(key: Ekt): Promise<Ekt> {
    return this.#worker.call("rewrap", key);
  }

  transportKey(): Promise<TransportKey> {
    return this.#worker.call("transportKey");
  }

  pinTransportKey(key: TransportKey): Promise<void> {
    return this.#worker.call("pinTransportKey", key);
  }

  exportTo(key: Ekt, target: TransportKey): Promise<Bytes> {
    return this.#worker.call("exportTo", key, target);
  }

  importFrom(meta: HbkMeta, hbkId: Bytes, exported: Bytes): Promise<Ekt> {
    return this.#worker.call("importFrom", meta, hbkId, exported);
  }

  close(): Promise<void> {
    return this.#worker.close();
  }
}
