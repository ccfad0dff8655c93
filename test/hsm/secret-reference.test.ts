import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromUtf8 } from "../../src/base/bytes.ts";
import { ConfigError } from "../../src/base/errors.ts";
import { readSecret } from "../../src/hsm/secret-reference.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "strongroom-secret-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, "pin");
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe("readSecret", () => {
  it("reads a private file and strips one newline only", () => {
    expect(fromUtf8(readSecret(`file:${file("1234")}`))).toBe("1234");
    expect(fromUtf8(readSecret(`file:${file("1234\n")}`))).toBe("1234");
    expect(fromUtf8(readSecret(`file:${file("1234\n\n")}`))).toBe("1234\n");
    expect(fromUtf8(readSecret(`file:${file(" 1234 ")}`))).toBe(" 1234 ");
    expect(readSecret(`file:${file(new Uint8Array(4096).fill(1))}`)).toHaveLength(4096);
  });

  it("takes a variable out of the environment", () => {
    const name = "STRONGROOM_TEST_PIN";
    process.env[name] = "naïve";
    expect(fromUtf8(readSecret(`env:${name}`))).toBe("naïve");
    expect(process.env[name]).toBeUndefined();
    expect(fromUtf8(readSecret(`env:${name}`))).toBe("naïve");
    process.env[name] = "changed";
    expect(fromUtf8(readSecret(`env:${name}`))).toBe("changed");
    expect(() => readSecret("env:STRONGROOM_TEST_ABSENT")).toThrow(/is not set/);
    for (const unfit of ["", "\n", `${"x".repeat(4096)}€`]) {
      process.env[name] = unfit;
      expect(() => readSecret(`env:${name}`)).toThrow(ConfigError);
      expect(process.env[name]).toBeUndefined();
    }
  });

  it.each([0o640, 0o604, 0o660, 0o610, 0o777])("refuses a file of mode %o", (mode) => {
    expect(() => readSecret(`file:${file("1234", mode)}`)).toThrow(/open to group or others/);
  });

  it("refuses what is no regular file, a named pipe without waiting for its writer", () => {
    execFileSync("mkfifo", ["-m", "600", join(folder, "pipe")]);
    for (const path of [join(folder, "pipe"), "/dev/null", folder]) {
      expect(() => readSecret(`file:${path}`), path).toThrow(/not a regular file/);
    }
    expect(() => readSecret(`file:${join(folder, "absent")}`)).toThrow(ConfigError);
  });

  it("refuses empty and overlong secrets", () => {
    expect(() => readSecret(`file:${file("")}`)).toThrow(ConfigError);
    expect(() => readSecret(`file:${file("\n")}`)).toThrow(ConfigError);
    expect(() => readSecret(`file:${file(new Uint8Array(4097).fill(1))}`)).toThrow(ConfigError);
  });

  it("refuses any other reference without repeating it", () => {
    for (const reference of ["hunter2", "pass:hunter2", "", "FILE:hunter2"]) {
      expect(() => readSecret(reference)).toThrow(/^a secret is given as file:<path> or env:<name>$/);
    }
  });
});
