import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Bytes } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { secret, secretFrom, wipe } from "../base/secret.ts";

/** Longer than any PIN or passphrase; bounds what a wrong path can make us read. */
const longest = 4096;
const newline = 0x0a;

/**
 * The secret that the configuration names: `file:<path>`, a regular file that group and others cannot read, or
 * `env:<name>`, which leaves `process.env` so that no child inherits it (and is kept here for the next reading). One
 * trailing newline is not part of it.
 * 1 to 4,096 bytes, made by `secret`; the caller wipes them. Anything else is a ConfigError, which never holds the
 * secret.
 */
export function readSecret(reference: string): Bytes {
  if (reference.startsWith("env:")) return readVariable(reference.slice(4));
  if (reference.startsWith("file:")) {
    const path = reference.slice(5);
    return strip(path, (buffer) => readPrivateFile(path, buffer));
  }
  throw new ConfigError("a secret is given as file:<path> or env:<name>");
}

/** Variables that have left the environment: an HSM is opened again after a fault, and for each administration. */
const taken = new Map<string, Bytes>();

function readVariable(name: string): Bytes {
  const value = process.env[name];
  if (value !== undefined) {
    delete process.env[name];
    const where = `the environment variable ${name}`;
    const fresh = strip(where, (buffer) => new TextEncoder().encodeInto(value, buffer).written);
    wipe(taken.get(name));
    taken.set(name, fresh);
  }
  const kept = taken.get(name);
  if (!kept) throw new ConfigError(`the environment variable ${name} is not set`);
  return secretFrom(kept);
}

/** What `read` wrote, without one trailing newline. */
function strip(where: string, read: (buffer: Bytes) => number): Bytes {
  // Room for a newline and the longest UTF-8 character: what encodeInto had to cut is over the limit.
  const buffer = secret(longest + 5);
  try {
    const length = read(buffer);
    const end = buffer[length - 1] === newline ? length - 1 : length;
    if (end < 1 || end > longest) throw new ConfigError(`${where} holds no secret of 1 to ${longest} bytes`);
    return secretFrom(buffer.subarray(0, end));
  } finally {
    wipe(buffer);
  }
}

/**
 * Reads a regular file that group and others cannot read into `into`, and answers how many bytes came, at most
 * `into.length`. Anything else is a ConfigError.
 */
export function readPrivateFile(path: string, into: Bytes): number {
  const file = openPrivate(path);
  try {
    let length = 0;
    for (let read = 1; read > 0 && length < into.length; length += read) {
      read = readSync(file, into, length, into.length - length, null);
    }
    return length;
  } finally {
    closeSync(file);
  }
}

/** The file that was checked is the file that is read: one descriptor. O_NONBLOCK so that a named pipe cannot hang us. */
function openPrivate(path: string): number {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new ConfigError(`${path} cannot be read`, { cause });
  }
  const { mode } = fstatSync(file);
  const regular = (mode & constants.S_IFMT) === constants.S_IFREG;
  if (regular && (mode & 0o077) === 0) return file;
  closeSync(file);
  throw new ConfigError(regular ? `${path} is open to group or others: chmod 600 it` : `${path} is not a regular file`);
}
