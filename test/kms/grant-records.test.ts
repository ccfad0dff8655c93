import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreError } from "../../src/base/errors.ts";
import { GrantRecords, type KeyName, namePath, removeGrant, writeGrant } from "../../src/kms/grant-records.ts";
import type { GrantRecord } from "../../src/model/grant.ts";
import type { SealedStore } from "../../src/store/sealed.ts";
import type { Store } from "../../src/store/store.ts";
import { Home } from "../store/home.ts";

const key: KeyName = { account: "111122223333", region: "us-east-1", id: "1234abcd-12ab-34cd-56ef-1234567890ab" };
const alice = { arn: "arn:aws:iam::111122223333:user/alice", id: "AIDA1" };
const decrypting = { operation: "Decrypt" } as const;

const grantOf = (id: string, given: Partial<GrantRecord> = {}): GrantRecord => ({
  id,
  account: key.account,
  region: key.region,
  keyId: key.id,
  createdAt: 0,
  issuingAccount: key.account,
  grantee: alice,
  operations: ["Decrypt"],
  ...given,
});

describe("the grants of a grantee, as they are held", () => {
  let home: Home;
  let store: SealedStore;
  let grants: GrantRecords;

  beforeEach(async () => {
    home = await Home.make();
    store = await home.open();
    grants = new GrantRecords(store);
  });
  afterEach(async () => {
    await store.close();
    home.dispose();
  });

  const commit = async (...writes: ReturnType<typeof writeGrant>): Promise<void> => {
    await store.commit(writes);
    grants.forget(writes);
  };
  const found = async (of = alice): Promise<string | undefined> => (await grants.of(key, of)).find(decrypting);

  test("are in force from their commit to their removal", async () => {
    expect(await found()).toBeUndefined();
    const grant = grantOf("a");
    await commit(...writeGrant(grant));
    expect(await found()).toBe("a");
    await commit(...removeGrant(grant));
    expect(await found()).toBeUndefined();
    expect(await store.list("grant/")).toEqual([]);
    expect(await store.list("grantee/")).toEqual([]);
  });

  test("follow the commits of another process", async () => {
    const other = await home.open({});
    const grant = grantOf("a");
    expect(await found()).toBeUndefined();
    await other.commit(writeGrant(grant));
    expect(await found()).toBe("a");
    await other.commit(removeGrant(grant));
    expect(await found()).toBeUndefined();
    await other.close();
  });

  test("are gone when they are removed while they are read for the first time", async () => {
    const many = Array.from({ length: 600 }, (_, i) => grantOf(`g${i}`));
    await commit(...many.flatMap(writeGrant));
    const reading = found();
    await commit(...many.flatMap(removeGrant));
    expect(await found()).toBeUndefined();
    await reading;
    expect(await found()).toBeUndefined();
  });

  test("are the same for all requests that come while they are read again", async () => {
    const grant = grantOf("a");
    await commit(...writeGrant(grant));
    expect(await found()).toBe("a");
    await commit(...removeGrant(grant));
    expect(await Promise.all([found(), found(), found()])).toEqual([undefined, undefined, undefined]);
  });

  test("are not held on when another process commits while they are read", async () => {
    const grant = grantOf("a");
    await commit(...writeGrant(grant), ...writeGrant(grantOf("b", { operations: ["Encrypt"] })));
    const gate = Promise.withResolvers<void>();
    let gates = 1;
    const slow: Store = Object.assign(Object.create(store) as Store, {
      version: () => store.version(),
      async list(...given: Parameters<Store["list"]>) {
        const page = await store.list(...given);
        if (gates-- > 0) await gate.promise;
        return page;
      },
    });
    const few = new GrantRecords(slow, 0);
    const reading = few.of(key, alice);
    const other = await home.open({});
    await other.commit(removeGrant(grant));
    await other.close();
    expect((await few.of(key, alice)).find(decrypting)).toBeUndefined();
    gate.resolve();
    await reading;
    expect((await few.of(key, alice)).find(decrypting)).toBeUndefined();
    expect((await few.of(key, alice)).find({ operation: "Encrypt" })).toBe("b");
  });

  test("are right when hardly any can be held", async () => {
    const few = new GrantRecords(store, 1);
    const users = Array.from({ length: 4 }, (_, i) => ({ arn: `${alice.arn}${i}`, id: `AIDA${i}` }));
    for (const [i, grantee] of users.entries()) await commit(...writeGrant(grantOf(`g${i}`, { grantee })));
    for (const [i, grantee] of [...users, ...users].entries()) {
      expect((await few.of(key, grantee)).find(decrypting)).toBe(`g${i % 4}`);
    }
  });

  test("are counted against the quota of their key, by whomever they were made", async () => {
    const [a, b, c] = [grantOf("a"), grantOf("b"), grantOf("c")];
    const steps: [() => Promise<void>, boolean][] = [
      [() => commit(...writeGrant(a)), false],
      [() => commit(...writeGrant(b)), true],
      [() => commit(...removeGrant(a)), false],
      [() => commit(...writeGrant(c)), true],
    ];
    expect(await grants.full(key, 2)).toBe(false);
    for (const [step, full] of steps) {
      await step();
      expect(await grants.full(key, 2)).toBe(full);
    }
    await commit(...removeGrant(b), ...removeGrant(c));
    expect(await grants.full(key, 2)).toBe(false);
    const other = await home.open({});
    await other.commit([...writeGrant(a), ...writeGrant(b)]);
    await other.close();
    expect(await grants.full(key, 2)).toBe(true);
  });

  test("are not inherited by a user of the same name", async () => {
    await commit(...writeGrant(grantOf("a")));
    expect(await found()).toBe("a");
    expect(await found({ ...alice, id: "AIDA2" })).toBeUndefined();
    expect(await found()).toBe("a");
  });

  test("are read again after the store has failed", async () => {
    await commit(...writeGrant(grantOf("a")));
    let broken = true;
    const fail = (): never => {
      throw new StoreError("unavailable", "injected");
    };
    const faulty: Store = Object.assign(Object.create(store) as Store, {
      version: () => store.version(),
      list: (...given: Parameters<Store["list"]>) => (broken ? fail() : store.list(...given)),
      get: (path: string) => (broken ? fail() : store.get(path)),
    });
    const over = new GrantRecords(faulty);
    await expect(over.of(key, alice)).rejects.toThrow("injected");
    broken = false;
    expect((await over.of(key, alice)).find(decrypting)).toBe("a");
    const another = writeGrant(grantOf("b", { operations: ["Encrypt"] }));
    await store.commit(another);
    over.forget(another);
    broken = true;
    await expect(over.of(key, alice)).rejects.toThrow("injected");
    broken = false;
    expect((await over.of(key, alice)).find({ operation: "Encrypt" })).toBe("b");
  });
});

describe("the record of a grant's name", () => {
  const named = (given: Partial<GrantRecord>): string | undefined => namePath(grantOf("a", { name: "n", ...given }));
  const equals = { A: "1", b: "2" };

  test("is one for the same name and parameters, in any order", () => {
    const constraints = { EncryptionContextEquals: equals };
    expect(named({ id: "x", createdAt: 7, operations: ["Decrypt", "Encrypt"], constraints })).toBe(
      named({ operations: ["Encrypt", "Decrypt"], constraints: { EncryptionContextEquals: { b: "2", A: "1" } } }),
    );
    expect(namePath(grantOf("a"))).toBeUndefined();
  });

  test("is another for every other name, parameter and key", () => {
    const paths = [
      {},
      { name: "m" },
      { keyId: "1234abcd-12ab-34cd-56ef-1234567890ff" },
      { issuingAccount: "444455556666" },
      { operations: ["Encrypt"] },
      { grantee: { ...alice, id: "AIDA2" } },
      { retiring: alice },
      { retiringService: "s3.amazonaws.com" },
      { constraints: { EncryptionContextEquals: equals } },
      { constraints: { EncryptionContextSubset: equals } },
      { constraints: { EncryptionContextSubset: { a: "1", b: "2" } } },
      { constraints: { SourceArn: "arn:aws:s3:us-east-1:111122223333:bucket" } },
    ].map((given) => named(given as Partial<GrantRecord>));
    expect(new Set(paths).size).toBe(paths.length);
  });
});
