import { afterAll, beforeAll, expect, it } from "vitest";
import { base64, hex } from "../../src/base/bytes.ts";
import type { Pkcs11Config } from "../../src/hsm/config.ts";
import { initHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import type { Member } from "../../src/hsm/member.ts";
import type { DomainKeys } from "../../src/kms/domain-keys.ts";
import { domainKeyOf, hbkPath, remove, writeHbk } from "../../src/kms/records.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import type { Parts } from "../../src/service.ts";
import { metaOf } from "../conformance/hsm-fixture.ts";
import { softTokens } from "../hsm/pkcs11/tokens.ts";
import { newSite, type Site } from "./premises.ts";

const token = softTokens();
const region = "eu-central-1";
let config: Pkcs11Config;
let site: Site;
let parts: Parts;
let member: Member;
let domainKeys: DomainKeys;

beforeAll(async () => {
  config = { ...(await token()), wrapping: "resident" };
  await initHsm(config);
  site = await newSite([{ name: "token", hsm: config }]);
  parts = await site.open();
  member = parts.hsms.named("token") as Member;
  domainKeys = site.domainKeys(parts, member);
  await domainKeys.adopt();
});
afterAll(async () => {
  await parts.close();
  site.remove();
});

async function resident(): Promise<readonly string[]> {
  const admin = await openHsmAdmin(config);
  const ids = await admin.residentKeys();
  await admin.close();
  return ids;
}

async function newKey(): Promise<string> {
  const ekt = await member.hsm.generateKey(metaOf("kms-symmetric"));
  const hbkId = hex(parseEkt(ekt).hbkId);
  const record = { keyId: "a", account: "111122223333", ekt: base64(ekt), domainKeys: [domainKeyOf(ekt)] };
  await parts.store.commit([writeHbk(region, hbkId, record, 0)]);
  return hbkId;
}

it("a key that is an object of its HSM goes when its record has gone, and no earlier", async () => {
  const [kept, deleted] = [await newKey(), await newKey()];
  const gone = new Set([kept, deleted]);
  await parts.store.commit([remove(hbkPath(region, deleted), 1)]);
  await domainKeys.destroy(gone);
  expect(await resident()).toContain(kept);
  expect(await resident()).not.toContain(deleted);
});

it("what a crash has left goes when it has been found twice, as a record may be on its way", async () => {
  const kept = await newKey();
  const orphan = hex(parseEkt(await member.hsm.generateKey(metaOf("kms-symmetric"))).hbkId);
  await domainKeys.retire();
  expect(await resident()).toEqual(expect.arrayContaining([kept, orphan]));
  await domainKeys.retire();
  expect(await resident()).toContain(kept);
  expect(await resident()).not.toContain(orphan);
});

it("the domain key of such an HSM does not rotate by the clock", async () => {
  const other = site.domainKeys(parts);
  await other.adopt();
  site.clock.advance(2 * 86_400_000);
  expect([await domainKeys.isDue(86_400_000), await other.isDue(86_400_000)]).toEqual([false, true]);
});
