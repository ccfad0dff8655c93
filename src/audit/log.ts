import { closeSync, constants, fdatasync, fstatSync, mkdirSync, openSync, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { AuditError, ConfigError } from "../base/errors.ts";
import { holdLock, type Lock } from "../base/lock.ts";
import { syncFolder } from "../base/private-file.ts";
import type { AuditEvent, AuditSink } from "./audit.ts";
import { Ballast } from "./ballast.ts";
import { Batch } from "./batch.ts";
import { chainResumed, hashLine, linkMember, newline } from "./chain.ts";
import { buildServiceEvent } from "./event.ts";
import { Space } from "./space.ts";
import { type ChainEnd, eventIdsAfter, readEnd } from "./tail.ts";

export interface AuditLogOptions {
  /** Bytes that must be free on the file system for anything new to be accepted; 64 MiB. */
  readonly minimumFree?: number;
  /** Bytes held back for the events of calls that were accepted before the disk was full; 4 MiB. */
  readonly ballast?: number;
}

/** The sink of one process. */
export interface AuditLog extends AuditSink {
  /** The chain's name. */
  readonly chain: string;
  /** Of the event that was appended last. */
  readonly sequence: number;
  /** Resolves when the log has failed for good: the process must end then, for nobody knows what is on the disk. */
  readonly failed: Promise<AuditError>;
  health(): { readonly ok: boolean; readonly detail: string };
  /** The ids of the events in the file whose sequence is greater. */
  eventIdsAfter(sequence: number): Set<string>;
}

/**
 * Opens `<directory>/<chain>.jsonl` (0600) for appending, making both where they are missing. One process may have it
 * open. ConfigError when it cannot be used; AuditError when its end is not that of an intact chain. After a crash in the
 * middle of a line, the line stays and a ChainResumed event follows.
 */
export async function openAuditLog(directory: string, chain: string, options: AuditLogOptions = {}): Promise<AuditLog> {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(chain)) throw new ConfigError("the name of an audit chain is not fit for a file");
  const path = join(directory, `${chain}.jsonl`);
  const lock = usable(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return holdLock(join(directory, `${chain}.lock`));
  });
  try {
    const file = usable(path, () => openFile(path, directory));
    const end = readEnd(file, path, chain);
    const ballast = usable(
      directory,
      () => new Ballast(join(directory, `${chain}.ballast`), options.ballast ?? 4 << 20),
    );
    const space = new Space({ directory, path, file, minimumFree: options.minimumFree ?? 64 << 20, ballast });
    const log = new ChainLog({ chain, file, space, end, lock });
    if (end.torn) await log.resume(end);
    return log;
  } catch (error) {
    lock.release();
    throw error;
  }
}

function usable<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`the audit log cannot use ${path}: ${(cause as Error).message}`, { cause });
  }
}

function openFile(path: string, directory: string): number {
  const file = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const status = fstatSync(file);
  if (!status.isFile()) throw new ConfigError(`${path} is not a regular file`);
  if ((status.mode & 0o077) !== 0) throw new ConfigError(`${path} is open to group or others: chmod 600 it`);
  if (status.size === 0) syncFolder(directory);
  return file;
}

interface ChainLogParts {
  readonly chain: string;
  readonly file: number;
  readonly space: Space;
  readonly end: ChainEnd;
  readonly lock: Lock;
}

const writeTo = promisify(write);
const syncData = promisify(fdatasync);

class ChainLog implements AuditLog {
  readonly chain: string;
  readonly #parts: ChainLogParts;
  readonly #failed = Promise.withResolvers<AuditError>();
  #sequence: number;
  #head: string;
  #batch: Batch | undefined;
  /** The buffer of a batch that is done. */
  #spare: Buffer | undefined;
  #flushing: Promise<void> | undefined;
  #failure: AuditError | undefined;
  #closed = false;

  constructor(parts: ChainLogParts) {
    this.#parts = parts;
    this.chain = parts.chain;
    this.#sequence = parts.end.sequence;
    this.#head = parts.end.head;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get failed(): Promise<AuditError> {
    return this.#failed.promise;
  }

  async resume({ unfinished, sequence, head }: ChainEnd): Promise<void> {
    if (unfinished > 0) await this.#write(Uint8Array.of(newline));
    const details = { chain: this.chain, tornBytes: unfinished, tornLine: head, lastSequence: sequence };
    const facts = { name: chainResumed, account: "000000000000", region: "local", time: Date.now(), details };
    await this.append(buildServiceEvent(facts));
  }

  reserve(): void {
    const unusable = this.#unusable();
    if (unusable) throw unusable;
    const { shortage } = this.#parts.space;
    if (shortage !== undefined) throw new AuditError(shortage);
  }

  append(event: AuditEvent): Promise<void> {
    const unusable = this.#unusable();
    if (unusable) return Promise.reject(unusable);
    const link = linkMember({ id: this.chain, sequence: this.#sequence + 1, previous: this.#head });
    this.#batch ??= this.#newBatch();
    this.#head = hashLine(this.#batch.add(JSON.stringify(event), link));
    this.#sequence += 1;
    this.#flushing ??= this.#flush();
    return this.#batch.promise;
  }

  health(): { ok: boolean; detail: string } {
    try {
      this.reserve();
      return { ok: true, detail: `chain ${this.chain} at ${this.#sequence}` };
    } catch (error) {
      return { ok: false, detail: (error as AuditError).message };
    }
  }

  eventIdsAfter(sequence: number): Set<string> {
    return eventIdsAfter(this.#parts.file, sequence);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#flushing;
    closeSync(this.#parts.file);
    this.#parts.space.close();
    this.#parts.lock.release();
  }

  #newBatch(): Batch {
    const batch = new Batch(this.#spare);
    this.#spare = undefined;
    return batch;
  }

  /** One write and one fdatasync for all that has come until the last ones were done. */
  async #flush(): Promise<void> {
    // The other requests that this turn of the event loop has read join the first batch.
    await new Promise(setImmediate);
    for (let batch = this.#batch; batch; batch = this.#batch) {
      this.#batch = undefined;
      try {
        if (this.#failure) throw this.#failure;
        await this.#write(batch.bytes.subarray(0, batch.length));
        await syncData(this.#parts.file);
        batch.settle();
        this.#spare = batch.bytes;
      } catch (error) {
        batch.settle(this.#fail(error));
      }
    }
    this.#flushing = undefined;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += (await writeTo(this.#parts.file, bytes, at)).bytesWritten;
      } catch (error) {
        if (!this.#parts.space.gaveWayTo(error)) throw error;
      }
    }
  }

  /** For good: after a failed fdatasync the kernel may have dropped the pages, and the next one would report success. */
  #fail(cause: unknown): AuditError {
    this.#failure ??= new AuditError(`the audit log has failed: ${(cause as Error).message}`, { cause });
    this.#failed.resolve(this.#failure);
    return this.#failure;
  }

  #unusable(): AuditError | undefined {
    return this.#failure ?? (this.#closed ? new AuditError("the audit log is closed") : undefined);
  }
}
