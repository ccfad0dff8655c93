import { createHash, type Hash, randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Bytes, concat, equalBytes, fromBase64, fromUtf8, uint32, utf8 } from "../base/bytes.ts";
import { ConfigError, StoreError } from "../base/errors.ts";
import { syncFolder } from "../base/private-file.ts";
import type { Recovery } from "./vault.ts";

/**
 * A backup, one file:
 *
 *   "SR1-BACKUP" ‖ version 1 = 1 ‖ u32 length ‖ contents, JSON ‖ the store: an SQLite database ‖ SHA-256 of all before 32
 *
 * The digest finds damage. Forgery is found by the store's own chain, under an index key that the recovery names.
 */
export interface Contents {
  /** ISO 8601. */
  readonly madeAt: string;
  readonly account: string;
  readonly recovery: Recovery;
  /** Material by HBK id, hexadecimal: base64 of what `HsmAdmin.exportTo` made for the recovery's transport key. */
  readonly exported: Readonly<Record<string, string>>;
  /** What could not be exported, and why. */
  readonly missing: readonly Missing[];
}

export interface Missing {
  readonly hbkId: string;
  /** What it is, for people. */
  readonly key: string;
  readonly reason: string;
}

export interface BackupFile {
  readonly contents: Contents;
  /** Writes the store to a new private file. */
  extractStore(to: string): void;
}

const magic = concat(utf8("SR1-BACKUP"), Uint8Array.of(1));
const digestLength = 32;
const chunkLength = 1 << 20;

/** Durable, all or nothing. ConfigError when there is such a file. `store` is a database that nobody has open. */
export function writeBackup(path: string, contents: Contents, store: string): void {
  const json = utf8(JSON.stringify(contents));
  const hash = createHash("sha256");
  writeNewFile(path, [[concat(magic, uint32(json.length), json)], chunksOf(store, 0, lengthOf(store))], hash);
}

/** ConfigError when there is none; StoreError("corrupt") when it is not whole, or not a backup. */
export function readBackup(path: string): BackupFile {
  const end = lengthOf(path) - digestLength;
  const prefix = readPart(path, 0, magic.length + 4);
  if (end < prefix.length || !equalBytes(prefix.subarray(0, magic.length), magic)) {
    throw new StoreError("corrupt", `${path} is not a backup that this version knows`);
  }
  const hash = createHash("sha256");
  for (const chunk of chunksOf(path, 0, end)) hash.update(chunk);
  if (!equalBytes(hash.digest(), readPart(path, end, digestLength))) {
    throw new StoreError("corrupt", `${path} is damaged or cut short`);
  }
  const storeAt = prefix.length + new DataView(prefix.buffer).getUint32(magic.length);
  const contents = parseContents(path, readPart(path, prefix.length, storeAt - prefix.length));
  return { contents, extractStore: (to) => writeNewFile(to, [chunksOf(path, storeAt, end)]) };
}

/** The digest is anybody's to compute: what is used before the store has authenticated the rest is looked at here. */
function parseContents(path: string, json: Bytes): Contents {
  try {
    const contents = JSON.parse(fromUtf8(json)) as Contents;
    const { threshold, shares, transport, state, index } = contents.recovery;
    const octets = [transport.spki, state, index, ...shares.map(({ sealed }) => sealed)];
    const names = [transport.fingerprint, contents.account, contents.madeAt, ...shares.map(({ officer }) => officer)];
    const whole =
      Number.isInteger(threshold) &&
      octets.every((text) => typeof text === "string" && fromBase64(text)) &&
      names.every((text) => typeof text === "string") &&
      contents.missing.every(({ hbkId }) => typeof hbkId === "string") &&
      Object.values(contents.exported).every((text) => typeof text === "string");
    if (whole) return contents;
  } catch (cause) {
    throw new StoreError("corrupt", `${path} is not a backup that this version knows`, { cause });
  }
  throw new StoreError("corrupt", `${path} is not a backup that this version knows`);
}

/** Under another name at first. With `hash`, its digest of everything comes at the end. */
function writeNewFile(path: string, parts: readonly Iterable<Bytes>[], hash?: Hash): void {
  const unfinished = `${path}.${randomUUID()}`;
  try {
    const file = openSync(unfinished, "wx", 0o600);
    try {
      for (const part of parts) {
        for (const bytes of part) {
          hash?.update(bytes);
          writeFileSync(file, bytes);
        }
      }
      if (hash) writeFileSync(file, hash.digest());
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    linkSync(unfinished, path);
    syncFolder(dirname(path));
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new ConfigError(exists ? `${path} exists already` : `${path} cannot be written`, { cause });
  } finally {
    rmSync(unfinished, { force: true });
  }
}

function* chunksOf(path: string, from: number, to: number): Generator<Bytes> {
  for (let at = from; at < to; at += chunkLength) yield readPart(path, at, Math.min(chunkLength, to - at));
}

/** Fewer bytes only at the file's end. */
function readPart(path: string, at: number, length: number): Bytes {
  const part = new Uint8Array(length);
  const file = openSync(path, "r");
  try {
    return part.subarray(0, readSync(file, part, 0, length, at));
  } finally {
    closeSync(file);
  }
}

function lengthOf(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status?.isFile()) throw new ConfigError(`there is no file ${path}`);
  return status.size;
}
