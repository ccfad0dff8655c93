import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateKeyCommand,
  GetPublicKeyCommand,
  type KeySpec,
  type KeyUsageType,
  type KMSClient,
} from "@aws-sdk/client-kms";
import type { HsmChoice } from "./service.ts";

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
export const digestOf = (hash: string, message: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(hash).update(message).digest());
export const edited = (bytes: Uint8Array, index = 0): Uint8Array => bytes.with(index, (bytes[index] as number) ^ 1);
export const publicKeyOf = (spki: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });

/** SoftHSM 2.6.1 does not wrap Ed25519 keys, and no token has the others. */
export const isServed = (hsm: HsmChoice, spec: string): boolean =>
  hsm === "soft" || !["ECC_NIST_EDWARDS25519", "SM2", "ML_DSA", "ML_KEM"].some((name) => spec.startsWith(name));

/** The name of the exception, and its message. */
export async function refusal(promise: Promise<unknown>): Promise<{ name: string; message: string }> {
  const error = await promise.then(
    () => {
      throw new Error("it was not refused");
    },
    (caught: Error) => caught,
  );
  return { name: error.name, message: error.message };
}

export interface Key {
  readonly id: string;
  readonly arn: string;
  readonly publicKey: Uint8Array;
}

/** Makes keys, one of each spec and usage. */
export class Keys {
  readonly #kms: KMSClient;
  readonly #made = new Map<string, Promise<Key>>();

  constructor(kms: KMSClient) {
    this.#kms = kms;
  }

  of(spec: KeySpec, usage: KeyUsageType): Promise<Key> {
    const name = `${spec} ${usage}`;
    const key = this.#made.get(name) ?? this.make(spec, usage);
    this.#made.set(name, key);
    return key;
  }

  async make(spec: KeySpec, usage: KeyUsageType): Promise<Key> {
    const { KeyMetadata } = await this.#kms.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage: usage }));
    const [id, arn] = [KeyMetadata?.KeyId as string, KeyMetadata?.Arn as string];
    const secret = spec === "SYMMETRIC_DEFAULT" || spec.startsWith("HMAC");
    const publicKey = secret ? undefined : (await this.#kms.send(new GetPublicKeyCommand({ KeyId: id }))).PublicKey;
    return { id, arn, publicKey: publicKey ?? new Uint8Array(0) };
  }
}

/** Runs Debian's openssl(1) over files named by their contents; its answer, or what it says when it fails. */
export function openssl(args: readonly string[], files: Readonly<Record<string, Uint8Array>>): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-openssl-"));
  try {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes, { mode: 0o600 });
    return execFileSync("/usr/bin/openssl", args, { cwd: folder, stdio: "pipe" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
