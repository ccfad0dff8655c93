import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { parseEkt } from "../../model/ekt.ts";
import { type HbkMeta, kindOfSpec } from "../../model/hbk.ts";
import type { EncryptionAlgorithm, HbkSpec, KeyUsage } from "../../model/key-spec.ts";
import type { CeremonyReport, HsmAdmin, TransportKey } from "../admin.ts";
import type { Pkcs11Config } from "../config.ts";
import type { DomainKey, DomainKeyId } from "../domain-key.ts";
import type { Driver } from "../driver.ts";
import type { DataKey, Ekt, Health, Hsm, HsmInfo, Imports, KeyPairs, Opening, Sealing } from "../hsm.ts";
import { alone } from "./domain-lock.ts";
import { Pkcs11Imports } from "./imports.ts";
import { Pkcs11KeyPairs } from "./key-pairs.ts";
import { whyKept } from "./keys/kept.ts";
import { refusal } from "./profile/served.ts";
import type { MethodOf, Opened } from "./protocol.ts";
import { startWorker } from "./start.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Any PKCS#11 module, in processes of its own: worker/worker.ts. */
export const driver: Driver<Pkcs11Config> = {
  async init(config, mode) {
    return alone(config.stateDirectory, async () => {
      const { link, answer } = await startWorker<Opened>("init", config, { mode });
      await link.close();
      return answer.info;
    });
  },
  trust: (config, ceremony) =>
    alone(config.stateDirectory, async () => {
      const { link, answer } = await startWorker<CeremonyReport>("ceremony", config, { ceremony });
      await link.close();
      return answer;
    }),
  open: async (config) => new Pkcs11Hsm(await WorkerPool.open("hsm", config)),
  openAdmin: async (config) => new Pkcs11Admin(await WorkerPool.open("admin", config), config.stateDirectory),
};

export class Pkcs11Hsm implements Hsm {
  readonly keyPairs: KeyPairs;
  readonly imports: Imports;
  readonly #workers: WorkerPool<"hsm">;

  constructor(workers: WorkerPool<"hsm">) {
    this.keyPairs = new Pkcs11KeyPairs(workers);
    this.imports = new Pkcs11Imports(workers);
    this.#workers = workers;
  }

  get info(): HsmInfo {
    return this.#workers.info;
  }

  /** The processes that work now, for those who watch them. */
  get workerPids(): readonly number[] {
    return this.#workers.pids;
  }

  /** Of each worker: how many operations it has going on at once. */
  get sessions(): number {
    return this.#workers.sessions;
  }

  refusal(spec: HbkSpec, usage: KeyUsage): string | undefined {
    return refusal(this.#workers.profile, this.info, spec, usage);
  }

  async generateKey(meta: HbkMeta): Promise<Ekt> {
    const { kind, spec, usage } = meta;
    if (usage !== "INTERNAL") {
      const refusal =
        kindOfSpec(spec) === kind ? this.refusal(spec, usage) : `There are no ${spec} keys of kind ${kind}.`;
      if (refusal !== undefined) throw new HsmError("unsupported", refusal);
    }
    return this.#workers.call("generateKey", meta);
  }

  importKey(meta: HbkMeta, material: Bytes): Promise<Ekt> {
    return this.#workers.call("importKey", meta, material);
  }

  encrypt(key: Ekt, algorithm: EncryptionAlgorithm, plaintext: Bytes, aad: Bytes): Promise<Bytes> {
    return this.#workers.call("encrypt", key, algorithm, plaintext, aad);
  }

  decrypt(key: Ekt, algorithm: EncryptionAlgorithm, ciphertext: Bytes, aad: Bytes): Promise<Bytes | null> {
    return this.#workers.call("decrypt", key, algorithm, ciphertext, aad);
  }

  generateDataKey(key: Ekt, length: number, aad: Bytes, want: "both" | "ciphertext"): Promise<DataKey> {
    return this.#workers.call("generateDataKey", key, length, aad, want);
  }

  reEncrypt(source: Opening, destination: Sealing): Promise<Bytes | null> {
    return this.#workers.call("reEncrypt", source, destination);
  }

  mac(key: Ekt, message: Bytes): Promise<Bytes> {
    return this.#workers.call("mac", key, message);
  }

  release(key: Ekt): Promise<Bytes> {
    return this.#workers.call("release", key);
  }

  replicate(key: Ekt, region: string): Promise<Ekt> {
    return this.#workers.call("replicate", key, region);
  }

  random(length: number): Promise<Bytes> {
    return this.#workers.call("random", length);
  }

  readAnchor(): Promise<Bytes | undefined> {
    return this.#workers.call("readAnchor");
  }

  writeAnchor(anchor: Bytes): Promise<void> {
    return this.#workers.call("writeAnchor", anchor);
  }

  holds(id: DomainKeyId): boolean {
    return this.#workers.domainKeys.has(id);
  }

  reload(): Promise<void> {
    return this.#workers.reload();
  }

  async health(): Promise<Health> {
    const { down } = this.#workers;
    if (down !== undefined) return { ok: false, detail: down };
    try {
      return await this.#workers.call<Health>("health");
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  close(): Promise<void> {
    return this.#workers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class Pkcs11Admin implements HsmAdmin {
  readonly #workers: WorkerPool<"admin">;

  readonly #stateDirectory: string | undefined;

  constructor(workers: WorkerPool<"admin">, stateDirectory: string | undefined) {
    this.#workers = workers;
    this.#stateDirectory = stateDirectory;
  }

  get info(): HsmInfo {
    return this.#workers.info;
  }

  domainKeys(): Promise<readonly DomainKey[]> {
    return this.#workers.call("domainKeys");
  }

  addDomainKey(): Promise<DomainKeyId> {
    return this.#alone("addDomainKey");
  }

  activateDomainKey(id: DomainKeyId): Promise<void> {
    return this.#alone("activateDomainKey", id);
  }

  quarantineDomainKey(id: DomainKeyId): Promise<void> {
    return this.#alone("quarantineDomainKey", id);
  }

  destroyDomainKey(id: DomainKeyId): Promise<void> {
    return this.#alone("destroyDomainKey", id);
  }

  keptReason(key: Ekt): string | undefined {
    return whyKept(this.info.domainKeyMode, parseEkt(key));
  }

  rewrap(key: Ekt): Promise<Ekt> {
    return this.#workers.call("rewrap", key);
  }

  transportKey(): Promise<TransportKey> {
    return this.#alone("transportKey");
  }

  pinTransportKey(key: TransportKey): Promise<void> {
    return this.#alone("pinTransportKey", key);
  }

  pinnedTransportKeys(): Promise<readonly string[]> {
    return this.#workers.call("pinnedTransportKeys");
  }

  unpinTransportKey(fingerprint: string): Promise<boolean> {
    return this.#alone("unpinTransportKey", fingerprint);
  }

  exportTo(key: Ekt, target: TransportKey): Promise<Bytes> {
    return this.#workers.call("exportTo", key, target);
  }

  residentKeys(): Promise<readonly string[]> {
    return this.#workers.call("residentKeys");
  }

  destroyResidentKey(hbkId: string): Promise<void> {
    return this.#alone("destroyResidentKey", hbkId);
  }

  importFrom(meta: HbkMeta, hbkId: Bytes, exported: Bytes): Promise<Ekt> {
    return this.#workers.call("importFrom", meta, hbkId, exported);
  }

  close(): Promise<void> {
    return this.#workers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For what changes the token. */
  #alone<Answer>(method: MethodOf<"admin">, ...args: readonly unknown[]): Promise<Answer> {
    return alone(this.#stateDirectory, () => this.#workers.call<Answer>(method, ...args));
  }
}
