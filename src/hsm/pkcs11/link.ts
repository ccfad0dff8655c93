import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { HsmError } from "../../base/errors.ts";
import { type Frame, FrameReader } from "./codec.ts";
import { FrameWriter } from "./frame-writer.ts";
import { answers, errorOf, type Greeting } from "./protocol.ts";

/** Beside this file, compiled or not. */
const entry = fileURLToPath(new URL(`worker/worker${extname(import.meta.url)}`, import.meta.url));
/** Milliseconds. */
const lastWords = 50;
const longestClose = 10_000;
const watchInterval = 25;
/** A look that comes so late says that this process, or the machine, has stood still: that is no silence of the worker's. */
const standstill = 500;
const startWatchInterval = 250;
const flags = ["--disable-sigusr1", "--disallow-code-generation-from-strings"];

export interface LinkOptions {
  readonly greeting: Greeting;
  readonly environment: Readonly<Record<string, string>>;
  /**
   * A worker that starts and gives no sign for so long, its own of doing something or its first one, is killed; and one
   * that is not ready after `longestStart`. Milliseconds.
   */
  readonly startDeadline: number;
  readonly longestStart: number;
  /** A worker that has calls and answers none for so long hangs, and is killed. Milliseconds. */
  readonly longestSilence: number;
  /** The worker asks to be replaced. */
  onRetire(): void;
  /** The worker itself answers that the module failed at a call, or did it wrong. */
  onFault(): void;
}

interface Call {
  readonly due: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * One worker process, from its start to its end. Calls go out once per turn of the event loop, in order, and the worker
 * answers in order, but for those that take long. Whatever ends the worker rejects the calls that wait with
 * `HsmError("unavailable")`; what it answers so itself is its last answer.
 */
export class Link {
  /** The worker's answer to the greeting. */
  readonly ready: Promise<unknown>;
  /** Why it ended, when it has. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #longestSilence: number;
  readonly #onRetire: () => void;
  readonly #onFault: () => void;
  readonly #calls = new Map<number, Call>();
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  #lastCall = 0;
  /** Of the last answer, or of the first call after a time without any. */
  #lastSign = 0;
  /** It has said that it runs. */
  #runs = false;
  #ready = false;
  readonly #module: string;
  #watch: NodeJS.Timeout | undefined;
  #nextLook = 0;
  #alive = true;
  #closing = false;
  #killed: string | undefined;

  constructor(options: LinkOptions) {
    this.#module = options.greeting.module;
    this.#longestSilence = options.longestSilence;
    this.#onRetire = options.onRetire;
    this.#onFault = options.onFault;
    this.#child = spawn(process.execPath, [...flags, entry], {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...options.environment },
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    this.#socket = this.#child.stdio[3] as Socket;
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", () => this.kill("its socket failed"));
    this.ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(this.#fail(error.message)));
      this.#child.on("close", (status, signal) => resolve(this.#fail(signal ?? `status ${status}`)));
      // What it sent last is read before its streams close; a process that the module forked may keep them open.
      this.#child.on("exit", (status, signal) =>
        setTimeout(() => resolve(this.#fail(signal ?? `status ${status}`)), lastWords),
      );
    });
    this.ready = this.#greet(options);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** Whether another call has a chance. */
  get serves(): boolean {
    return this.#alive && !this.#closing && this.#killed === undefined;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** `due` in the time of `performance.now()`. */
  call(method: number, args: readonly unknown[], due: number): Promise<unknown> {
    this.#lastCall = (this.#lastCall % 0xffff_ffff) + 1;
    this.#watchOver();
    return this.#send(this.#lastCall, method, args, due);
  }

  /** Ends the worker when it has answered everything, or by force after a deadline. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#endWhenIdle();
    const force = setTimeout(() => this.kill("it did not close"), longestClose);
    await this.ended;
    clearTimeout(force);
  }

  kill(reason: string): void {
    this.#killed ??= reason;
    this.#child.kill("SIGKILL");
  }

  /** Signs that came while the event loop was busy are read first. */
  async #greet({ greeting, startDeadline, longestStart }: LinkOptions): Promise<unknown> {
    const start = performance.now();
    const look = (): void => {
      if (this.#ready) return;
      const now = performance.now();
      if (now - start > longestStart) this.kill(`it was not ready within ${longestStart} ms`);
      if (now - this.#lastSign <= startDeadline) return;
      this.kill(
        this.#runs
          ? `at its start, ${this.#module} did not answer within ${startDeadline} ms`
          : `it did not run within ${startDeadline} ms of its start: the machine is too busy`,
      );
    };
    const watch = setInterval(() => setImmediate(look), startWatchInterval);
    try {
      const answer = await this.#send(0, 0, greeting, Number.POSITIVE_INFINITY);
      this.#ready = true;
      return answer;
    } finally {
      clearInterval(watch);
    }
  }

  #send(id: number, code: number, value: unknown, due: number): Promise<unknown> {
    if (!this.#alive) return Promise.reject(new HsmError("unavailable", "the PKCS#11 worker has ended"));
    if (this.#calls.size === 0) this.#lastSign = performance.now();
    if (this.#writer.isEmpty) setImmediate(() => this.#flush());
    this.#writer.add(id, code, value);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { due, resolve, reject });
    });
  }

  #flush(): void {
    if (this.#writer.isEmpty) return;
    const frames = this.#writer.take();
    this.#socket.write(frames, () => this.#writer.giveBack(frames));
  }

  #receive(chunk: Buffer): void {
    this.#lastSign = performance.now();
    this.#runs = true;
    try {
      for (const answer of this.#reader.push(chunk)) this.#settle(answer);
    } catch {
      this.kill("it sent what is no answer");
    }
    this.#endWhenIdle();
  }

  #settle({ call: id, code, value }: Frame): void {
    if (code === answers.working) return;
    if (code === answers.retire) {
      this.#onRetire();
      return;
    }
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (code === answers.done) {
      call?.resolve(value);
      return;
    }
    const error = errorOf(code, value);
    const kind = error instanceof HsmError ? error.kind : undefined;
    if (id !== 0 && (kind === "unavailable" || kind === "internal")) this.#onFault();
    if (kind === "unavailable") this.kill(error.message);
    call?.reject(error);
  }

  #watchOver(): void {
    if (this.#watch) return;
    this.#nextLook = performance.now() + watchInterval;
    this.#watch = setTimeout(() => this.#look(), watchInterval);
  }

  /** While there are calls. Answers that came while the event loop was busy are read first. */
  #look(): void {
    this.#watch = undefined;
    const late = performance.now() - this.#nextLook;
    if (late > standstill) this.#lastSign += late;
    setImmediate(() => {
      if (!this.#alive || this.#calls.size === 0) return;
      this.#watchOver();
      const now = performance.now();
      if (now - this.#lastSign > this.#longestSilence) this.kill(`no answer within ${this.#longestSilence} ms`);
      for (const [id, call] of this.#calls) {
        if (call.due > now) continue;
        this.#calls.delete(id);
        call.reject(new HsmError("unavailable", "the HSM did not answer in time"));
      }
    });
  }

  #endWhenIdle(): void {
    if (this.#closing && this.#calls.size === 0) this.#socket.end();
  }

  #fail(how: string): string {
    const itself = this.#runs && !this.#ready ? `${this.#module} crashes at its start (${how})` : how;
    const reason = this.#killed ?? itself;
    if (!this.#alive) return reason;
    this.#alive = false;
    clearTimeout(this.#watch);
    this.#writer.giveBack(this.#writer.take());
    for (const { reject } of this.#calls.values()) {
      reject(new HsmError("unavailable", `the PKCS#11 worker ended: ${reason}`));
    }
    this.#calls.clear();
    this.#socket.destroy();
    return reason;
  }
}
