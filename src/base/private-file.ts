import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Replaces `path` by a file of mode 0600: after a crash the old or the new contents are there, never half of them. */
export function writePrivateFile(path: string, contents: string | Uint8Array): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  writeDurably(openSync(temporary, "wx", 0o600), contents);
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

/** Makes the file `path` of mode 0600, durably; leaves one that exists alone. */
export function createPrivateFile(path: string, contents: Uint8Array): void {
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  writeDurably(file, contents);
  syncFolder(dirname(path));
}

/** What was made or renamed in it survives a power cut from here on. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Closes `file`. */
function writeDurably(file: number, contents: string | Uint8Array): void {
  try {
    writeFileSync(file, contents);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
