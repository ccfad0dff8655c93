import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pkcs11js from "pkcs11js";
import { utf8 } from "../../../src/base/bytes.ts";
import type { Addon, CryptokiState, SessionPoolState } from "../../../src/engine/native/addon.ts";

let path: string | undefined;

/** reader.c, loaded by pkcs11js, and opened. */
export function openReader({ Cryptoki }: Addon): CryptokiState {
  path ??= loadReader();
  const cryptoki = new Cryptoki();
  if (cryptoki.open(utf8(`${path}\0`)) !== 0) throw new Error("the module does not open");
  return cryptoki;
}

/** Two sessions of it. `boundary` and `done` as of `SessionPoolState`. */
export function openReaderSessions(
  { SessionPool }: Addon,
  done: () => void = () => undefined,
  boundary = 0,
): SessionPoolState {
  path ??= loadReader();
  const pool = new SessionPool();
  const [module, device] = [utf8(`${path}\0`), utf8("/dev/urandom\0")];
  if (pool.open(module, new Uint8Array(8), 2, device, new Uint8Array(28), boundary, new Uint8Array(0), done) !== 2)
    throw new Error("the sessions do not open");
  return pool;
}

function loadReader(): string {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-reader-"));
  const module = join(folder, "reader.so");
  const headers = join(import.meta.dirname, "../../../node_modules/pkcs11js/includes/pkcs11");
  execFileSync("cc", ["-shared", "-fPIC", "-o", module, "-I", headers, join(import.meta.dirname, "reader.c")], {
    env: { ...process.env, LD_PRELOAD: "" },
  });
  loaded.load(module);
  rmSync(folder, { recursive: true });
  return module;
}
/** Kept: a collected one unloads its module. */
const loaded = new pkcs11js.PKCS11();
