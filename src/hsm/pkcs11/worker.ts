import { writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { secret, secretConcat, wipe } from "../../base/secret.ts";
import { protectProcess } from "../../engine/native/process.ts";
import { type Frame, FrameReader, frame } from "./codec.ts";
import { CryptokiError } from "./cryptoki.ts";
import { answerOf, answers, type Greeting } from "./protocol.ts";
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

// The server decides when this process ends; signals to the whole process group are for the server.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// A dump, or a debugger of the same user, would show the PIN and the keys of the calls.
writeFileSync("/proc/self/coredump_filter", "0");
protectProcess();

for (const event of ["end", "close", "error"] as const) socket.on(event, leave);

function receive(frames: readonly Frame[]): void {
  const sent: Bytes[] = [];
  for (const frame of frames) {
    if (service) sent.push(answer(service, frame));
    else void greet(frame);
    if (faulty) break;
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

function answer(service: Service, { call, code, value, memory }: Frame): Bytes {
  try {
    const result = service.call(code, value as unknown[]);
    const bytes = frame(call, answers.done, result);
    wipeAll(result);
    return bytes;
  } catch (error) {
    const failure = asUnavailable(error);
    faulty ||= failure instanceof HsmError && failure.kind === "unavailable";
    const failed = answerOf(failure);
    return frame(call, failed.code, failed.value);
  } finally {
    wipe(memory);
  }
}

const asUnavailable = (error: unknown): unknown =>
  error instanceof CryptokiError ? new HsmError("unavailable", error.message) : error;

function wipeAll(value: unknown): void {
  if (value instanceof Uint8Array) wipe(value);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(wipeAll);
}

function send(frames: readonly Bytes[]): void {
  if (frames.length === 0) return;
  const batch = secretConcat(...frames);
  wipe(...frames);
  socket.write(batch, () => {
    wipe(batch);
    if (faulty) process.exit(1);
  });
}

function leave(): void {
  try {
    service?.close();
  } finally {
    process.exit(0);
  }
}
