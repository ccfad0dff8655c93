import { randomUUID } from "node:crypto";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { StoreError, type StoreErrorKind } from "../../base/errors.ts";
import type { Expectation, Write } from "../store.ts";

export interface WriterSettings {
  readonly file: string;
  /** Unique to this writer. */
  readonly writer: string;
  /** How long to wait for another process's commit, in milliseconds. */
  readonly busyTimeout: number;
}

export interface CommitRequest {
  readonly id: number;
  readonly kind: "commit";
  readonly writes: readonly Write[];
  readonly expectations: readonly Expectation[];
}

export type Request = CommitRequest | { readonly id: number; readonly kind: "checkpoint" | "close" };

export interface Answer {
  readonly id: number;
  readonly failure?: { readonly kind: StoreErrorKind; readonly message: string };
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

/**
 * The thread that writes: a commit waits for the disk, and would hold up every request of the service with it. What
 * arrives while one transaction waits shares the next (group commit).
 */
export class Writer {
  readonly name = randomUUID();
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: string | undefined;

  constructor(file: string, busyTimeout: number) {
    const workerData: WriterSettings = { file, writer: this.name, busyTimeout };
    this.#thread = new Worker(new URL(`./writer-thread${extname(import.meta.url)}`, import.meta.url), {
      workerData,
      name: "store writer",
    });
    this.#thread.on("message", (answers: readonly Answer[]) => {
      for (const answer of answers) this.#settle(answer);
    });
    this.#thread.on("error", (error) => this.#end(`the writer failed: ${(error as Error).message}`));
    this.#thread.on("exit", () => this.#end("the store is closed"));
  }

  commit(writes: readonly Write[], expectations: readonly Expectation[]): Promise<void> {
    return this.#ask((id) => ({ id, kind: "commit", writes, expectations }));
  }

  checkpoint(): Promise<void> {
    return this.#ask((id) => ({ id, kind: "checkpoint" }));
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const closed = this.#ask((id) => ({ id, kind: "close" }));
    this.#ended = "the store is closed";
    await closed;
  }

  #ask(request: (id: number) => Request): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(new StoreError("unavailable", this.#ended));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#thread.postMessage(request(id));
    });
  }

  #settle({ id, failure }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure) waiting?.reject(new StoreError(failure.kind, failure.message));
    else waiting?.resolve();
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    for (const waiting of this.#waiting.values()) waiting.reject(new StoreError("unavailable", this.#ended));
    this.#waiting.clear();
  }
}
