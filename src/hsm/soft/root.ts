import { type ScryptOptions, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { ByteReader, type Bytes, concat, equalBytes, utf8 } from "../../base/bytes.ts";
import { ConfigError, HsmError } from "../../base/errors.ts";
import { createPrivateFile } from "../../base/private-file.ts";
import { secret, secretFrom, wipe } from "../../base/secret.ts";
import type { Engine } from "../../engine/engine.ts";
import { type KbkdfLabel, kbkdfFixedInput } from "../../model/kbkdf.ts";
import type { SoftConfig } from "../config.ts";
import { readPrivateFile, readSecret } from "../secret-reference.ts";

/**
 * What a state file begins with:
 *
 *    0  magic 8         "SR1-SOFT"
 *    8  version 1       = 1
 *    9  source 1        1 key file · 2 passphrase
 *   10  log2 N 1 ‖ r 1 ‖ p 1     of scrypt (RFC 7914); zero for a key file
 *   13  salt 32
 *   45  check 16        tells a wrong key file or passphrase from an edited state
 *
 * secret = the key file's 32 bytes, or scrypt(passphrase, salt); each key = KBKDF(secret, its label, salt).
 */
export const headerLength = 61;
const preambleLength = 45;
const magic = concat(utf8("SR1-SOFT"), Uint8Array.of(1));
const sources = { keyFile: 1, passphrase: 2 } as const;
const saltLength = 32;
const checkLength = 16;
const secretLength = 32;

/** 128 MiB for each guess of a passphrase. */
const scryptCost = { log2N: 17, r: 8, p: 1 };
/** Read values beyond it would only serve to exhaust memory, lower ones to weaken what is written next. */
const mostLog2N = 20;

export interface SealingKeys {
  /** 61 bytes: authenticated with the state. */
  readonly header: Bytes;
  /** Seals domain keys, inside the boundary. */
  readonly root: Bytes;
  /** Seals the state file. */
  readonly file: Bytes;
}

/** Keys for a state that is to be made. A `keyFile` that does not exist is made, too. */
export async function newSealingKeys(
  config: SoftConfig,
  engine: Engine,
  random: (length: number) => Bytes,
): Promise<SealingKeys> {
  const source = sourceOf(config);
  if (config.keyFile !== undefined) createKeyFile(config.keyFile, random);
  const { log2N, r, p } = source === sources.passphrase ? scryptCost : { log2N: 0, r: 0, p: 0 };
  const preamble = concat(magic, Uint8Array.of(source, log2N, r, p), random(saltLength));
  return deriveKeys(config, engine, preamble);
}

/** Keys of the state that begins with `header`; a ConfigError when the configured secret is not the one that sealed it. */
export async function sealingKeys(config: SoftConfig, engine: Engine, header: Bytes): Promise<SealingKeys> {
  const keys = await deriveKeys(config, engine, header.subarray(0, preambleLength));
  if (equalBytes(keys.header, header)) return keys;
  wipe(keys.root, keys.file);
  throw new ConfigError(`the key file or passphrase is not that of the soft HSM in ${config.directory}`);
}

async function deriveKeys(config: SoftConfig, engine: Engine, preamble: Bytes): Promise<SealingKeys> {
  const { source, cost, salt } = parsePreamble(preamble);
  if (source !== sourceOf(config)) {
    throw new ConfigError(`the soft HSM in ${config.directory} is opened by the other of keyFile and passphrase`);
  }
  const master = source === sources.keyFile ? readKeyFile(config) : await stretch(config, salt, cost);
  const derive = (label: KbkdfLabel) =>
    engine.kbkdf(master, kbkdfFixedInput(label, salt.subarray(0, 16), salt.subarray(16)));
  const name = derive("SR1-hsmname");
  const header = concat(preamble, name.subarray(0, checkLength));
  const keys = { header, root: derive("SR1-hsmroot"), file: derive("SR1-hsmfile") };
  wipe(master, name);
  return keys;
}

function parsePreamble(preamble: Bytes): { source: number; cost: ScryptOptions; salt: Bytes } {
  const reader = new ByteReader(preamble);
  const known = equalBytes(reader.take(magic.length), magic);
  const source = reader.uint8();
  const [log2N, r, p] = [reader.uint8(), reader.uint8(), reader.uint8()];
  const bounded =
    source === sources.keyFile
      ? log2N + r + p === 0
      : log2N >= scryptCost.log2N && log2N <= mostLog2N && r === scryptCost.r && p === scryptCost.p;
  if (!known || !bounded) throw new HsmError("internal", "the soft HSM's state has an unknown form");
  const N = 2 ** log2N;
  return { source, cost: { N, r, p, maxmem: 256 * N * r }, salt: reader.take(saltLength) };
}

function sourceOf(config: SoftConfig): number {
  if ((config.keyFile === undefined) === (config.passphrase === undefined)) {
    throw new ConfigError("a soft HSM needs either keyFile or passphrase");
  }
  return config.keyFile === undefined ? sources.passphrase : sources.keyFile;
}

function readKeyFile({ keyFile = "" }: SoftConfig): Bytes {
  const buffer = secret(secretLength + 1);
  try {
    if (readPrivateFile(keyFile, buffer) !== secretLength) {
      throw new ConfigError(`${keyFile} is not a key file of ${secretLength} bytes`);
    }
    return secretFrom(buffer.subarray(0, secretLength));
  } finally {
    wipe(buffer);
  }
}

/** Leaves an existing one alone: it is read, and judged, like any other. */
function createKeyFile(path: string, random: (length: number) => Bytes): void {
  const key = random(secretLength);
  try {
    createPrivateFile(path, key);
  } catch (cause) {
    throw new ConfigError(`${path} cannot be made`, { cause });
  } finally {
    wipe(key);
  }
}

const scryptAsync = promisify<Bytes, Bytes, number, ScryptOptions, Buffer>(scrypt);

async function stretch({ passphrase = "" }: SoftConfig, salt: Bytes, cost: ScryptOptions): Promise<Bytes> {
  const spoken = readSecret(passphrase);
  try {
    const stretched = await scryptAsync(spoken, salt, secretLength, cost);
    const master = secretFrom(stretched);
    wipe(stretched);
    return master;
  } finally {
    wipe(spoken);
  }
}
