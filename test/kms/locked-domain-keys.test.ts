import { afterAll, beforeAll, expect, it } from "vitest";
import { base64, fromUtf8, hex } from "../../src/base/bytes.ts";
import type { Pkcs11Config } from "../../src/hsm/config.ts";
import type { Ekt } from "../../src/hsm/hsm.ts";
import { initHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import type { Member } from "../../src/hsm/member.ts";
import { domainKeyOf, hbkPath, remove, writeHbk } from "../../src/kms/records.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import type { HbkRecord } from "../../src/model/key.ts";
import type { Parts } from "../../src/service.ts";
import { metaOf } from "../conformance/hsm-fixture.ts";
import { softTokens } from "../hsm/pkcs11/tokens.ts";
import { newSite, type Site } from "./premises.ts";

const token = softTokens();
const region = "eu-central-1";
const day = 86_400_000;
let config: Pkcs11Config;
let site: Site;
let parts: Parts;
let member: Member;

beforeAll(async () => {
  config = await token();
  await initHsm(config, "locked");
  site = await newSite([{ name: "token", hsm: config }]);
  parts = await site.open();
  member = parts.hsms.named("token") as Member;
});
afterAll(async () => {
  await parts.close();
  site.remove();
});

async function states(): Promise<readonly string[]> {
  const admin = await openHsmAdmin(config);
  const keys = await admin.domainKeys();
  await admin.close();
  return keys.map(({ state }) => state);
}

async function newKey(): Promise<Ekt> {
  const ekt = await member.hsm.generateKey(metaOf("kms-symmetric"));
  const record = { keyId: "a", account: "111122223333", ekt: base64(ekt), domainKeys: [domainKeyOf(ekt)] };
  await parts.store.commit([writeHbk(region, hex(parseEkt(ekt).hbkId), record, 0)]);
  return ekt;
}

const pathOf = (ekt: Ekt): string => hbkPath(region, hex(parseEkt(ekt).hbkId));

async function storedToken(ekt: Ekt): Promise<string> {
  const record = await parts.store.get(pathOf(ekt));
  return (JSON.parse(fromUtf8(record?.value ?? new Uint8Array())) as HbkRecord).ekt;
}

it("a locked domain key rotates on demand, and lives as long as a key that was made under it", async () => {
  const domainKeys = site.domainKeys(parts, member);
  await domainKeys.adopt();
  const old = await newKey();
  site.clock.advance(2 * day);
  expect(await domainKeys.isDue(day)).toBe(false);

  await domainKeys.rotate();
  expect(await domainKeys.rewrap()).toBe(0);
  expect(await storedToken(old)).toBe(base64(old));
  const fresh = await newKey();
  expect(domainKeyOf(fresh)).not.toBe(domainKeyOf(old));

  site.clock.advance(30 * day);
  await domainKeys.retire();
  expect(await states()).toEqual(["unwrap-only", "active"]);
  await parts.store.commit([remove(pathOf(old), 1)]);
  await domainKeys.retire();
  expect(await states()).toEqual(["quarantined", "active"]);
});
