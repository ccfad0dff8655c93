import { writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import type { Bytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { secret, secretConcat, wipe } from "../../../base/secret.ts";
import { protectProcess } from "../../../engine/native/process.ts";
import { type Frame, FrameReader, frame } from "../codec.ts";
import { CryptokiError } from "../cryptoki/cryptoki.ts";
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
/** Milliseconds. */
const signOfLife = 50;
/** Of an answer for those of other calls that came with its own: the server works on what it has, and asks for more. */
const longestWait = 1;

// The server decides when this process ends; signals to the whole process group are for the server.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// A dump, or a debugger of the same user, would show the PIN and the keys of the calls.
writeFileSync("/proc/self/coredump_filter", "0");
protectProcess();

for (const event of ["end", "close", "error"] as const) socket.on(event, leave);

function receive(frames: readonly Frame[]): void {
  const sent: Bytes[] = [];
  let since = performance.now();
  for (const frame of frames) {
    if (!service) void greet(frame);
    else {
      const answered = answer(service, frame);
      if (answered) sent.push(answered);
    }
    if (faulty) break;
    if (performance.now() - since > longestWait) {
      send(sent.splice(0));
      since = performance.now();
    }
  }
  if (service?.worn && !retiring) {
    retiring = true;
    sent.push(frame(0, answers.retire, undefined));
  }
  send(sent);
}

async function greet({ call, value, memory }: Frame): Promise<void> {
  try {
    service = await serve(value as Greeting);
    send([frame(call, answers.done, service.greeting)]);
    // A worker that is killed would not leave its code to the next.
    flushCompileCache();
  } catch (error) {
    const { code, value } = answerOf(asUnavailable(error));
    send([frame(call, code, value)]);
  } finally {
    wipe(memory);
  }
}

/** undefined: the answer goes out later. */
function answer(service: Service, { call, code, value, memory }: Frame): Bytes | undefined {
  let later = false;
  try {
    const result = service.call(code, value as unknown[]);
    later = result instanceof Promise;
    if (!(result instanceof Promise)) return done(call, result);
    void answerLater(call, result, memory);
    return undefined;
  } catch (error) {
    return failed(call, error);
  } finally {
    if (!later) wipe(memory);
  }
}

async function answerLater(call: number, result: Promise<unknown>, memory: Bytes): Promise<void> {
  const signs = setInterval(() => send([frame(0, answers.working, undefined)]), signOfLife);
  pending += 1;
  try {
    send([done(call, await result)]);
  } catch (error) {
    send([failed(call, error)]);
  } finally {
    pending -= 1;
    clearInterval(signs);
    wipe(memory);
  }
}

function done(call: number, result: unknown): Bytes {
  const bytes = frame(call, answers.done, result);
  wipeAll(result);
  return bytes;
}

function failed(call: number, error: unknown): Bytes {
  const failure = asUnavailable(error);
  faulty ||= failure instanceof HsmError && failure.kind === "unavailable";
  const { code, value } = answerOf(failure);
  return frame(call, code, value);
}

const asUnavailable = (error: unknown): unknown =>
  error instanceof CryptokiError ? new HsmError("unavailable", error.message) : error;

function wipeAll(value: unknown): void {
  if (value instanceof Uint8Array) wipe(value);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(wipeAll);
}

function send(frames: readonly Bytes[]): void {
  const [first, ...more] = frames;
  if (!first) return;
  const batch = more.length === 0 ? first : secretConcat(first, ...more);
  if (batch !== first) wipe(...frames);
  socket.write(batch, () => {
    wipe(batch);
    if (faulty) process.exit(1);
  });
}

function leave(): void {
  try {
    // C_Finalize under a call of another thread crashes some modules.
    if (pending === 0) service?.close();
  } finally {
    process.exit(0);
  }
}
