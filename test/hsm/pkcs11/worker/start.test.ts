import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { utf8 } from "../../../../src/base/bytes.ts";
import { type Frame, FrameReader } from "../../../../src/hsm/pkcs11/codec.ts";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { FrameWriter } from "../../../../src/hsm/pkcs11/frame-writer.ts";
import { answers } from "../../../../src/hsm/pkcs11/protocol.ts";
import { softHsm2 } from "../../../../src/hsm/pkcs11/provision.ts";
import { pinOf, type SoftToken, softTokens, withFaults } from "../tokens.ts";

const token = softTokens();

it("a worker says that it runs, and again and again that it goes on, until it is ready", async () => {
  const config = await token();
  await driver.init(config);
  const frames = await started(config);
  const codes = frames.map(({ code }) => code);
  expect(codes.at(-1)).toBe(answers.done);
  expect(codes.slice(0, -1)).toEqual(codes.slice(0, -1).fill(answers.working));
  // The second one comes from between the tests of what the token can do.
  expect(codes.length).toBeGreaterThan(2);
});

it("a worker whose module does not answer at its start is given up after a time, by name of what it waited for", async () => {
  const config = withFaults(await token());
  await driver.init(config);
  writeFileSync(join(config.folder, "hang-at-login"), "");
  const opened = driver.open({ ...config, deadline: 1_000, startDeadline: 1_000 });
  // A machine may have no time for a process that long.
  await expect(opened).rejects.toThrow(
    /at its start, .*faults\.so did not answer within 1000 ms|did not run within 1000 ms/,
  );
});

/** What a worker sends from its start to its first answer. */
async function started(config: SoftToken): Promise<Frame[]> {
  const entry = join(import.meta.dirname, "../../../../src/hsm/pkcs11/worker/worker.ts");
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, ...config.environment },
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const socket = child.stdio[3] as Socket;
  const writer = new FrameWriter();
  writer.add(0, 0, {
    role: "hsm",
    module: softHsm2(),
    token: { label: "kms" },
    pin: utf8(pinOf(config)),
    engine: "node",
    boundary: "call-key",
    wrapping: "auto",
    life: { hours: 1, calls: 1_000, memory: 1_024 },
  });
  socket.write(writer.take());
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for await (const chunk of socket) {
    frames.push(...reader.push(chunk));
    if (frames.at(-1)?.code !== answers.working) break;
  }
  const exit = child.exitCode === null ? once(child, "exit") : undefined;
  socket.destroy();
  await exit;
  return frames;
}
