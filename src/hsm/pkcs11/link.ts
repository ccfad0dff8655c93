import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bytes, concat } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import { type Frame, FrameReader, frame } from "./codec.ts";
import { answers, errorOf, type Greeting } from "./protocol.ts";

/** Beside this file, compiled or not. */
const entry = fileURLToPath(new URL(`worker${extname(import.meta.url)}`, import.meta.url));
/** Milliseconds. */
const lastWords = 50;
const longestClose = 10_000;
const flags = ["--disable-sigusr1", "--disallow-code-generation-from-strings"];

export interface LinkOptions {
  readonly greeting: Greeting;
  readonly environment: Readonly<Record<string, string>>;
  /** Of one call, and of the greeting, in milliseconds. */
  readonly deadline: number;
  readonly startDeadline: number;
  /** The worker asks to be replaced. */
  onRetire(): void;
}

interface Call {
  readonly due: number;
  readonly deadline: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * One worker process, from its start to its end. Calls go out once per turn of the event loop, in order, and the worker
 * answers in order. Whatever ends the worker rejects the calls that wait with `HsmError("unavailable")`.
 */
export class Link {
  /** The worker's answer to the greeting. */
  readonly ready: Promise<unknown>;
  /** Why it ended, when it has. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #deadline: number;
  readonly #onRetire: () => void;
  readonly #calls = new Map<number, Call>();
  readonly #reader = new FrameReader();
  #outgoing: Bytes[] = [];
  #lastCall = 0;
  #lastAnswer = performance.now();
  #watch: NodeJS.Timeout | undefined;
  #watchDue = 0;
  #alive = true;
  #closing = false;
  #killed: string | undefined;

  constructor(options: LinkOptions) {
    this.#deadline = options.deadline;
    this.#onRetire = options.onRetire;
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
    this.ready = this.#send(0, 0, options.greeting, options.startDeadline);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  call(method: number, args: readonly unknown[]): Promise<unknown> {
    this.#lastCall = (this.#lastCall % 0xffff_ffff) + 1;
    return this.#send(this.#lastCall, method, args, this.#deadline);
  }

  /** Ends the worker when it has answered everything, or by force after a deadline. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#endWhenIdle();
    const force = setTimeout(() => this.kill("it did not close"), Math.min(this.#deadline, longestClose));
    await this.ended;
    clearTimeout(force);
  }

  kill(reason: string): void {
    this.#killed ??= reason;
    this.#child.kill("SIGKILL");
  }

  #send(id: number, code: number, value: unknown, deadline: number): Promise<unknown> {
    if (!this.#alive) return Promise.reject(new HsmError("unavailable", "the PKCS#11 worker has ended"));
    if (this.#outgoing.length === 0) setImmediate(() => this.#flush());
    this.#outgoing.push(frame(id, code, value));
    const due = performance.now() + deadline;
    this.#watchFor(due, deadline);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { due, deadline, resolve, reject });
    });
  }

  /** One timer for all calls: it fires no later than the first is due. */
  #watchFor(due: number, wait: number): void {
    if (this.#watch && this.#watchDue <= due) return;
    clearTimeout(this.#watch);
    this.#watchDue = due;
    // Answers that came while the event loop was busy are read first.
    this.#watch = setTimeout(() => setImmediate(() => this.#expire()), wait);
  }

  #flush(): void {
    const [first, ...more] = this.#outgoing;
    this.#outgoing = [];
    if (!first) return;
    const batch = more.length === 0 ? first : concat(first, ...more);
    if (batch !== first) wipe(first, ...more);
    this.#socket.write(batch, () => wipe(batch));
  }

  #receive(chunk: Buffer): void {
    this.#lastAnswer = performance.now();
    try {
      for (const answer of this.#reader.push(chunk)) this.#settle(answer);
    } catch {
      this.kill("it sent what is no answer");
    }
    this.#endWhenIdle();
  }

  #settle({ call: id, code, value }: Frame): void {
    if (code === answers.retire) this.#onRetire();
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (code === answers.done) call?.resolve(value);
    else call?.reject(errorOf(code, value));
  }

  /** Calls are answered in order: an oldest one that is overdue means a queue that is too long, or a worker that hangs. */
  #expire(): void {
    this.#watch = undefined;
    const now = performance.now();
    for (const [id, call] of this.#calls) {
      if (call.due > now) {
        this.#watchFor(call.due, call.due - now);
        return;
      }
      if (now - this.#lastAnswer >= call.deadline) {
        this.kill(`no answer within ${call.deadline} ms`);
        return;
      }
      this.#calls.delete(id);
      call.reject(new HsmError("unavailable", "the HSM did not answer in time"));
    }
  }

  #endWhenIdle(): void {
    if (this.#closing && this.#calls.size === 0) this.#socket.end();
  }

  #fail(how: string): string {
    const reason = this.#killed ?? how;
    if (!this.#alive) return reason;
    this.#alive = false;
    clearTimeout(this.#watch);
    wipe(...this.#outgoing);
    this.#outgoing = [];
    for (const { reject } of this.#calls.values()) {
      reject(new HsmError("unavailable", `the PKCS#11 worker ended: ${reason}`));
    }
    this.#calls.clear();
    this.#socket.destroy();
    return reason;
  }
}
