import { conditionContext } from "../../src/access/context.ts";
import { authorizer } from "../../src/access/evaluate.ts";
import { compileKeyPolicy, defaultKeyPolicy } from "../../src/access/policy.ts";
import { GrantRecords, type KeyName, removeGrant, writeGrant } from "../../src/kms/grant-records.ts";
import type { GrantRecord } from "../../src/model/grant.ts";
import { Home } from "../store/home.ts";

/**
 * What a decision costs with 50,000 grants on one key, all of one grantee or each of its own: run by hand,
 * `node test/kms/measure-grants.ts`. Times depend on the machine, so no test goes by them.
 */
const key: KeyName = { account: "111122223333", region: "us-east-1", id: "1234abcd-12ab-34cd-56ef-1234567890ab" };
const resource = `arn:aws:kms:${key.region}:${key.account}:key/${key.id}`;
const keyPolicy = compileKeyPolicy(defaultKeyPolicy(key.account, key.region));
const all = 50_000;

const granteeOf = (i: number) => ({ arn: `arn:aws:iam::${key.account}:user/u${i}`, id: `AIDA${i}` });
const contextOf = (i: number) => ({ "aws:ebs:id": `vol-${i}`, app: "x" });
const grantOf = (i: number, alone: boolean): GrantRecord => ({
  id: i.toString(16).padStart(64, "0"),
  account: key.account,
  region: key.region,
  keyId: key.id,
  createdAt: 0,
  issuingAccount: key.account,
  grantee: granteeOf(alone ? i : 0),
  operations: ["Encrypt", "Decrypt", "GenerateDataKey", "CreateGrant"],
  constraints:
    i % 2 ? { EncryptionContextEquals: contextOf(i) } : { EncryptionContextSubset: { "aws:ebs:id": `vol-${i}` } },
});

async function timed<T>(what: string, count: number, work: () => Promise<T>): Promise<T> {
  const start = process.threadCpuUsage();
  const result = await work();
  const { user, system } = process.threadCpuUsage(start);
  console.log(`${what}: ${((user + system) / count).toFixed(2)} µs of this thread, each of ${count}`);
  return result;
}

for (const alone of [true, false]) {
  const home = await Home.make();
  const store = await home.open();
  console.log(alone ? "each grantee has one" : "one grantee has all");
  await timed("made and committed, 500 at a time", all, async () => {
    for (let i = 0; i < all; i += 500) {
      await store.commit(Array.from({ length: 500 }, (_, j) => writeGrant(grantOf(i + j, alone))).flat());
    }
  });
  const grants = new GrantRecords(store);
  await timed("counted for the first time", 1, () => grants.full(key, all));
  /** The way of kms/find.ts. */
  const decide = async (i: number, operation: "Encrypt" | "Sign"): Promise<boolean> => {
    const grantee = granteeOf(alone ? i : 0);
    const name = grantee.arn.slice(grantee.arn.indexOf("/") + 1);
    const principal = {
      type: "IAMUser",
      account: key.account,
      ...grantee,
      name,
      accessKeyId: "A",
      policies: [],
    } as const;
    const facts = { principal, region: key.region, address: "::1", userAgent: "measure" };
    const root = { arn: `arn:aws:iam::${key.account}:root`, id: key.account };
    const action = `kms:${operation}`;
    const request = { principal, action, resource, owner: key.account, keyPolicy, context: conditionContext(facts) };
    if (authorizer.decide(request).allowed) throw new Error("no policy allows it");
    const granted = { caller: await grants.of(key, principal), account: await grants.of(key, root) };
    const use = { operation, context: contextOf(i) };
    return authorizer.decide({ ...request, grants: (to) => granted[to].find(use) }).allowed;
  };
  const grantees = alone ? 2000 : 1;
  await timed("first decision of a grantee", grantees, async () => {
    for (let i = 0; i < grantees; i++) if (!(await decide(i, "Encrypt"))) throw new Error("denied");
  });
  for (const [operation, expected] of [
    ["Encrypt", true],
    ["Sign", false],
  ] as const) {
    await timed(`later decision, ${expected ? "allowed" : "denied"}`, 200_000, async () => {
      for (let i = 0; i < 200_000; i++) {
        const wanted = alone ? i % grantees : i % all;
        if ((await decide(wanted, operation)) !== expected) throw new Error("decided wrongly");
      }
    });
  }
  await timed("decision after one of its grants was revoked or made", 200, async () => {
    for (let i = 0; i < 100; i++) {
      for (const writes of [removeGrant(grantOf(i, alone)), writeGrant(grantOf(i, alone))]) {
        await store.commit(writes);
        grants.forget(writes);
        await decide(i, "Encrypt");
      }
    }
  });
  await store.close();
  home.dispose();
}
