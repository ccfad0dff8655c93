import { afterAll, beforeAll, expect } from "vitest";
import { type Bytes, hex, utf8 } from "../../src/base/bytes.ts";
import { HsmError, type HsmErrorKind } from "../../src/base/errors.ts";
import type { Driver, Ekt, Hsm, HsmAdmin, HsmConfig } from "../../src/hsm/index.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import type { HbkKind, HbkMeta } from "../../src/model/hbk.ts";

/** One way to get HSMs of a driver. */
export interface HsmFixture<Config extends HsmConfig = HsmConfig> {
  readonly driver: Driver<Config>;
  /** An HSM of its own at each call, not initialised yet: a new folder, a new token. */
  fresh(): Promise<Config>;
  /** Of the octets to edit, every how many-th is edited: 1 for all, more where a call is slow. */
  readonly stride: number;
}

/** An initialised HSM, open both ways. */
export interface Bench<Config extends HsmConfig = HsmConfig> {
  readonly config: Config;
  readonly hsm: Hsm;
  readonly admin: HsmAdmin;
}

export async function openBench<Config extends HsmConfig>({
  driver,
  fresh,
}: HsmFixture<Config>): Promise<Bench<Config>> {
  const config = await fresh();
  await driver.init(config);
  return { config, hsm: await driver.open(config), admin: await driver.openAdmin(config) };
}

export async function closeBench({ hsm, admin }: Bench): Promise<void> {
  await hsm.close();
  await admin.close();
}

/** A bench for the tests of the `describe` that calls it. */
export function useBench<Config extends HsmConfig>(fixture: HsmFixture<Config>): () => Bench<Config> {
  let bench: Bench<Config> | undefined;
  beforeAll(async () => {
    bench = await openBench(fixture);
  });
  afterAll(async () => bench && closeBench(bench));
  return () => {
    if (!bench) throw new Error("the bench is not open yet");
    return bench;
  };
}

let keys = 0;

/** Of a key that no other test has. */
export function metaOf(kind: HbkKind): HbkMeta {
  const keyId = new Uint8Array(16);
  new DataView(keyId.buffer).setUint32(12, ++keys);
  return {
    kind,
    spec: kind === "sigv4" ? "HMAC_256" : "SYMMETRIC_DEFAULT",
    usage: kind === "kms-symmetric" ? "ENCRYPT_DECRYPT" : "INTERNAL",
    origin: "AWS_KMS",
    account: "111122223333",
    region: "eu-central-1",
    keyId,
  };
}

export const algorithm = "SYMMETRIC_DEFAULT";
export const aad = utf8("what the ciphertext is bound to");
export const hbkIdOf = (key: Ekt): Bytes => parseEkt(key).hbkId;
export const domainKeyOf = (key: Ekt): string => hex(parseEkt(key).domainKeyId);

/** `bytes` with one octet different. */
export function edited(bytes: Bytes, index: number, mask = 1): Bytes {
  const copy = bytes.slice();
  copy[index] = (copy[index] as number) ^ mask;
  return copy;
}

export async function expectHsmError(kind: HsmErrorKind, call: Promise<unknown>, what = ""): Promise<void> {
  const outcome = await call.then(
    () => "no error",
    (error) => (error instanceof HsmError ? error.kind : error),
  );
  expect(outcome, what).toBe(kind);
}
