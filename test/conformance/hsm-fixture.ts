import { afterAll, beforeAll, expect } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import { HsmError, type HsmErrorKind } from "../../src/base/errors.ts";
import type { Driver, Ekt, Hsm, HsmAdmin, HsmConfig } from "../../src/hsm/index.ts";
import { parseEkt } from "../../src/model/ekt.ts";

export { aad, algorithm, edited, hbkIdOf, metaOf } from "../../src/hsm/conformance/claim.ts";

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

export const domainKeyOf = (key: Ekt): string => hex(parseEkt(key).domainKeyId);

export async function expectHsmError(kind: HsmErrorKind, call: Promise<unknown>, what = ""): Promise<void> {
  const outcome = await call.then(
    () => "no error",
    (error) => (error instanceof HsmError ? error.kind : error),
  );
  expect(outcome, what).toBe(kind);
}
