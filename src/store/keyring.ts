import { type Bytes, concat, equalBytes, fromHex, hex, uint16, utf8 } from "../base/bytes.ts";
import { HsmError, StoreError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { Engine } from "../engine/engine.ts";
import { EntropySource } from "../engine/entropy.ts";
import type { Ekt } from "../hsm/hsm.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { parseEkt } from "../model/ekt.ts";
import { type Barrier, makeBarrier, makeKey } from "./barrier.ts";
import type { StoreHsms } from "./hsms.ts";
import type { Row } from "./manifest.ts";
import { StoredPaths } from "./path.ts";
import {
  type OpenedRecord,
  openRecord,
  type RecordKey,
  recordKeyVersion,
  recordNonceLength,
  sealRecord,
  uint64,
} from "./record.ts";

/** The keys of an open store, released by the HSM, and everything that is done with them. */
export class Keyring {
  readonly #hsms: StoreHsms;
  readonly #engine: Engine;
  readonly #entropy = new EntropySource();
  readonly #records: RecordKey[] = [];
  #opened: { barrier: Barrier; index: Bytes; storeId: Bytes; paths: StoredPaths } | undefined;

  constructor(hsms: StoreHsms, engine: Engine) {
    this.#hsms = hsms;
    this.#engine = engine;
  }

  get barrier(): Barrier {
    return this.#state.barrier;
  }

  /** 16 bytes. */
  get storeId(): Bytes {
    return this.#state.storeId;
  }

  get paths(): StoredPaths {
    return this.#state.paths;
  }

  makeBarrier(): Promise<Barrier> {
    return makeBarrier(this.#hsms.primary.hsm, () => this.#random(16));
  }

  makeRecordKey(): Promise<Ekt> {
    return makeKey(this.#hsms.primary.hsm, "record", this.#random(16));
  }

  /** Releases the keys of `barrier` that are not known yet. It seals by them only after `adopt`. */
  async release(barrier: Barrier): Promise<void> {
    for (const [i, tokens] of barrier.records.entries()) {
      const id = parseEkt(tokens[0]).meta.keyId;
      const known = this.#records[i];
      if (known && equalBytes(known.id, id)) continue;
      this.#records[i] = { version: i + 1, id, material: await this.#material(tokens) };
      wipe(known?.material);
    }
    if (this.#opened) return;
    const index = await this.#material(barrier.index);
    const storeId = parseEkt(barrier.index[0]).meta.keyId;
    this.#opened = { barrier, index, storeId, paths: new StoredPaths(this.#engine, index) };
  }

  adopt(barrier: Barrier): void {
    if (!equalBytes(parseEkt(barrier.index[0]).meta.keyId, this.storeId)) {
      throw new StoreError("corrupt", "the barrier record of another store was put in");
    }
    this.#opened = { ...this.#state, barrier };
  }

  seal(stored: string, revision: number, record: OpenedRecord): Bytes {
    const key = this.#records[this.barrier.records.length - 1] as RecordKey;
    return sealRecord(this.#engine, key, this.#random(recordNonceLength), { stored, revision }, record);
  }

  /** undefined: not sealed by this store for this place. */
  open(stored: string, revision: number, sealed: Bytes): OpenedRecord | undefined {
    const key = this.#records[(recordKeyVersion(sealed) ?? 0) - 1];
    return key && openRecord(this.#engine, key, { stored, revision }, sealed);
  }

  /** Whether the newest record key seals it. */
  isCurrent(sealed: Bytes): boolean {
    return recordKeyVersion(sealed) === this.barrier.records.length;
  }

  /** SHA-256, hexadecimal. */
  hash(value: Bytes): string {
    return hex(this.#engine.sha256(value));
  }

  /** HMAC(index key, "row" ‖ 00 ‖ u16 length ‖ stored path ‖ u64 revision ‖ SHA-256 of the stored value): 32 bytes. */
  rowTag(stored: string, row: Row): Bytes {
    const path = utf8(stored);
    const message = concat(utf8("row\0"), uint16(path.length), path, uint64(row.revision), fromHex(row.hash));
    return this.#engine.hmacSha256(this.#state.index, message);
  }

  /** HMAC(index key, "list" ‖ 00 ‖ list): 32 bytes. */
  listTag(list: Bytes): Bytes {
    return this.#engine.hmacSha256(this.#state.index, concat(utf8("list\0"), list));
  }

  /** In constant time: the digest of a manifest is secret. */
  equal(a: Bytes, b: Bytes): boolean {
    return this.#engine.equal(a, b);
  }

  close(): void {
    for (const { material } of this.#records) wipe(material);
    wipe(this.#opened?.index);
    this.#entropy.close();
  }

  get #state() {
    if (!this.#opened) throw new StoreError("corrupt", "the store's keys are not there");
    return this.#opened;
  }

  /** Straight from the operating system, at least 32 bytes a time (see EntropySource). */
  #random(length: number): Bytes {
    return this.#entropy.take(32).subarray(0, length);
  }

  async #material(tokens: Tokens): Promise<Bytes> {
    try {
      return await this.#hsms.use(tokens, (ekt, hsm) => hsm.release(ekt));
    } catch (cause) {
      if (!(cause instanceof HsmError)) throw cause;
      if (cause.kind !== "refused") throw new StoreError("unavailable", `the HSM fails: ${cause.message}`, { cause });
      const message = `this HSM does not open the store's keys: ${cause.message}`;
      throw new StoreError("corrupt", `${message}; is the HSM that has kept them missing from the configuration?`, {
        cause,
      });
    }
  }
}
