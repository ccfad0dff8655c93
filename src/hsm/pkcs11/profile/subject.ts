import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Cryptoki } from "../cryptoki/cryptoki.ts";

/** Where our code is, compiled or not. */
const root = fileURLToPath(new URL("../../..", import.meta.url));
/** What of it tries the token, and says what is to be tried. */
const folders = ["hsm/pkcs11", "engine", "model"];

/**
 * A digest of whatever could change what known answers show: the module and all it has loaded, the token, the mechanisms
 * that both admit to (which is how a configuration or a policy of the HSM shows), and the code that asks.
 */
export function subjectOf(token: Cryptoki, more: readonly unknown[]): string {
  const { manufacturerID, libraryDescription, libraryVersion, cryptokiVersion } = token.moduleInfo();
  const { manufacturerID: maker, model, firmwareVersion, hardwareVersion } = token.tokenInfo();
  const subject = [
    [manufacturerID, libraryDescription, libraryVersion, cryptokiVersion],
    [maker, model, firmwareVersion, hardwareVersion],
    token.mechanisms(),
    [...loadedFiles(), ...ownCode()].map(stampOf),
    more,
  ];
  return createHash("sha256").update(JSON.stringify(subject)).digest("hex");
}

/** Every file whose code this process can run: its own, the module's, and the libraries of both. */
function loadedFiles(): string[] {
  const maps = readFileSync("/proc/self/maps", "utf8");
  const files = [...maps.matchAll(/^\S+ ..x. (?:\S+ +){3}(\/.*)$/gm)].map(([, file]) => file as string);
  return [...new Set(files)].sort();
}

const ownCode = (): string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => extname(name) === extname(import.meta.url))
      .sort()
      .map((name) => join(root, folder, name)),
  );

/** No file changes without one of its times; the time of change is nobody's to set. */
function stampOf(file: string): readonly unknown[] {
  const { size, mtimeMs, ctimeMs } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return [file, size, mtimeMs, ctimeMs];
}
