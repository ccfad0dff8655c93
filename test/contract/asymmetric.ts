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
  type SigningAlgorithmSpec,
} from "@aws-sdk/client-kms";
import { expect } from "vitest";
import type { Abilities } from "./abilities.ts";

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
export const digestOf = (hash: string, message: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(hash).update(message).digest());
export const edited = (bytes: Uint8Array, index = 0): Uint8Array => bytes.with(index, (bytes[index] as number) ^ 1);
export const publicKeyOf = (spki: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });

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

/** A way to sign with SHA-256, and one that goes with other keys only. */
export interface Signer {
  readonly spec: KeySpec;
  readonly by: SigningAlgorithmSpec;
  readonly foreign: SigningAlgorithmSpec;
}
const rsa = { by: "RSASSA_PKCS1_V1_5_SHA_256", foreign: "ECDSA_SHA_256" } as const;
const signers: readonly Signer[] = [
  { spec: "ECC_NIST_P256", by: "ECDSA_SHA_256", foreign: "ECDSA_SHA_384" },
  { spec: "RSA_2048", ...rsa },
  { spec: "RSA_3072", ...rsa },
];

/** Makes keys, one of each spec and usage. */
export class Keys {
  readonly #kms: KMSClient;
  readonly #abilities: Abilities;
  readonly #made = new Map<string, Promise<Key>>();

  constructor(kms: KMSClient, abilities: Abilities) {
    this.#kms = kms;
    this.#abilities = abilities;
  }

  /** Whether the HSM has such keys. Where it has none, making one was refused, with the reason that the HSM gives. */
  async served(spec: KeySpec, usage: KeyUsageType): Promise<boolean> {
    const message = this.#abilities.refusal(spec, usage);
    if (message === undefined) return true;
    expect(await refusal(this.make(spec, usage))).toEqual({ name: "UnsupportedOperationException", message });
    return false;
  }

  /** Of the specs that the HSM has for signing, those that are made soonest come first. */
  get signers(): readonly Signer[] {
    return signers.filter(({ spec }) => this.#abilities.refusal(spec, "SIGN_VERIFY") === undefined);
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
