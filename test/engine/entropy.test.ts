import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import { EntropySource, personalization } from "../../src/engine/entropy.ts";

const failure = expect.objectContaining({ kind: "internal" });

describe("the entropy source", () => {
  it("gives fresh octets at each call", () => {
    const source = new EntropySource();
    const seeds = new Set(Array.from({ length: 1000 }, () => hex(source.take(32))));
    expect(seeds.size).toBe(1000);
    expect(source.take(48)).toHaveLength(48);
    source.close();
  });

  it.each([
    ["repeats itself", "/dev/zero"],
    ["ends early", "/dev/null"],
    ["fails", "/dev/full"],
  ])("fails for good when the device %s", (_, path) => {
    const source = new EntropySource(path);
    for (let i = 0; i < 3; i++) expect(() => source.take(32)).toThrow(failure);
    source.close();
  });

  it("takes no file for a device", () => {
    const folder = mkdtempSync(join(tmpdir(), "strongroom-entropy-"));
    const path = join(folder, "random");
    writeFileSync(path, crypto.getRandomValues(new Uint8Array(4096)));
    const source = new EntropySource(path);
    expect(() => source.take(32)).toThrow(failure);
    source.close();
    rmSync(folder, { recursive: true });
  });

  it("gives nothing once closed", () => {
    const source = new EntropySource();
    source.close();
    expect(() => source.take(32)).toThrow(failure);
  });
});

describe("personalization strings", () => {
  it("differ in one process, and fit", () => {
    const [one, two] = [personalization(), personalization()];
    expect(one).toHaveLength(28);
    expect(hex(one)).not.toBe(hex(two));
  });
});
