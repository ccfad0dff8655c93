import { writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import type { Bytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { secret, wipe } from "../../../base/secret.ts";
import { protectProcess } from "../../../engine/native/process.ts";
import { type Frame, FrameReader } from "../codec.ts";
import { CryptokiError } from "../cryptoki/cryptoki.ts";
import { FrameWriter } from "../frame-writer.ts";
import { answerOf, answers, type Greeting } from "../protocol.ts";
import { type Service, serve } from "./service.ts";

const reader = new FrameReader();
/**
 * The socket that the server holds the other end of: link.ts. What comes is read into this one buffer, and wiped by the
 * reader: the buffers that Node makes for each chunk are freed with plaintexts in them.
 */
const socket = new Socket({
  fd: 3,
  readable: true,
  writable: true,
  onread: {
    buffer: secret(1 << 16),
    callback(length, buffer) {
      receive(reader.push(buffer.subarray(0, length)));
      return true;
    },
  },
});
let service: Service | undefined;
let retiring = false;

/**
 * A service answers malformed arguments itself and checks a token's MAC before the module sees it, so what the module
 * then fails at is its own fault: this process ends, and the server starts another.
 */
let faulty = false;
/** Calls whose answers come later. */
let pending = 0;
/** Of answers that are to be sent. */
const writer = new FrameWriter();
let writtenSince = 0;
/** Milliseconds. */
const signOfLife = 50;
/** Of an answer for those of other calls: the server works on what it has, and asks for more. */
const longestWait = 1;

// The server decides when this process ends; signals to the whole process group are for the server.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// A dump, or a debugger of the same user, would show the PIN and the keys of the calls.
writeFileSync("/proc/self/coredump_filter", "0");
protectProcess();

for (const event of ["end", "close", "error"] as const) socket.on(event, leave);

// It runs: what takes time from now on is not the machine's.
send(0, answers.working, undefined);
flush();

function receive(frames: readonly Frame[]): void {
  for (const frame of frames) {
    if (faulty) break;
    if (service) answer(service, frame);
    else void greet(frame);
  }
  if (service?.worn && !retiring) {
    retiring = true;
    send(0, answers.retire, undefined);
  }
}

async function greet({ call, value, memory }: Frame): Promise<void> {
  const signs = setInterval(() => send(0, answers.working, undefined), signOfLife);
  try {
    service = await serve(value as Greeting);
    send(call, answers.done, service.greeting);
    setInterval(watch, signOfLife);
    // A worker that is killed would not leave its code to the next.
    flushCompileCache();
  } catch (error) {
    const { code, value } = answerOf(asUnavailable(error));
    send(call, code, value);
  } finally {
    clearInterval(signs);
    wipe(memory);
  }
}

function watch(): void {
  if (service?.stuck !== undefined && !faulty) fail(0, new HsmError("unavailable", service.stuck));
}

function answer(service: Service, { call, code, value, memory }: Frame): void {
  let later = false;
  try {
    const result = service.call(code, value as unknown[]);
    later = result instanceof Promise;
    if (result instanceof Promise) void answerLater(call, result, memory, service.takesLong(code));
    else done(call, result);
  } catch (error) {
    fail(call, error);
  } finally {
    if (!later) wipe(memory);
  }
}

async function answerLater(call: number, result: Promise<unknown>, memory: Bytes, takesLong: boolean): Promise<void> {
  const signs = takesLong ? setInterval(() => send(0, answers.working, undefined), signOfLife) : undefined;
  pending += 1;
  try {
    done(call, await result);
  } catch (error) {
    fail(call, error);
  } finally {
    pending -= 1;
    clearInterval(signs);
    wipe(memory);
  }
}

function done(call: number, result: unknown): void {
  send(call, answers.done, result);
  wipeAll(result);
}

function fail(call: number, error: unknown): void {
  const failure = asUnavailable(error);
  faulty ||= failure instanceof HsmError && failure.kind === "unavailable";
  const { code, value } = answerOf(failure);
  send(call, code, value);
}

const asUnavailable = (error: unknown): unknown =>
  error instanceof CryptokiError ? new HsmError("unavailable", error.message) : error;

function wipeAll(value: unknown): void {
  if (value instanceof Uint8Array) wipe(value);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(wipeAll);
}

/** With other frames of the same turn of the event loop, but for those that come too long after the first. */
function send(call: number, code: number, value: unknown): void {
  if (writer.isEmpty) {
    writtenSince = performance.now();
    setImmediate(flush);
  }
  writer.add(call, code, value);
  if (performance.now() - writtenSince > longestWait) flush();
}

function flush(): void {
  if (writer.isEmpty) return;
  const frames = writer.take();
  socket.write(frames, () => {
    writer.giveBack(frames);
    if (faulty) end();
  });
}

function leave(): void {
  // C_Finalize under a call of another thread crashes some modules.
  if (pending > 0) end();
  try {
    service?.close();
  } finally {
    process.exit(0);
  }
}

/** At once: what runs when a process exits would meet threads that are in the module. */
function end(): void {
  process.kill(process.pid, "SIGKILL");
}
