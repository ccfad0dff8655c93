import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Ask, account, allow, type Office, openOffice, refused } from "./office.ts";

interface List {
  readonly operation: string;
  readonly request: () => object;
  readonly items: string;
  /** How many there are, at least 2. */
  readonly count: number;
  readonly longest: number;
  /** The same list of another subject. */
  readonly other?: () => object;
}

describe("lists", () => {
  let office: Office;
  let admin: Ask;
  let key: string;
  let another: string;

  beforeAll(async () => {
    office = await openOffice();
    admin = office.admin;
    key = await office.newKey({ Tags: ["a", "b", "c"].map((TagKey) => ({ TagKey, TagValue: "v" })) });
    another = await office.newKey();
    for (const target of [key, another]) {
      for (const n of [1, 2, 3]) {
        const AliasName = `alias/${target.slice(-4)}${"/".repeat(240)}${n}`;
        await admin("CreateAlias", { AliasName, TargetKeyId: target });
        await admin("RotateKeyOnDemand", { KeyId: target });
        await admin("CreateGrant", { KeyId: target, ...granting });
      }
    }
  }, 60_000);
  afterAll(() => office.close());

  const root = `arn:aws:iam::${account}:root`;
  const granting = { GranteePrincipal: root, RetiringPrincipal: root, Operations: ["Decrypt"] };
  const ofKey = () => ({ KeyId: key });
  const ofAnother = () => ({ KeyId: another });

  const lists: readonly List[] = [
    { operation: "ListKeys", request: () => ({}), items: "Keys", count: 2, longest: 1000 },
    { operation: "ListAliases", request: () => ({}), items: "Aliases", count: 6, longest: 100 },
    { operation: "ListAliases", request: ofKey, items: "Aliases", count: 3, longest: 100, other: ofAnother },
    { operation: "ListGrants", request: ofKey, items: "Grants", count: 3, longest: 100, other: ofAnother },
    {
      operation: "ListGrants",
      request: () => ({ KeyId: key, GranteePrincipal: root }),
      items: "Grants",
      count: 3,
      longest: 100,
      other: ofKey,
    },
    {
      operation: "ListRetirableGrants",
      request: () => ({ RetiringPrincipal: root }),
      items: "Grants",
      count: 6,
      longest: 100,
    },
    { operation: "ListKeyRotations", request: ofKey, items: "Rotations", count: 3, longest: 1000, other: ofAnother },
    { operation: "ListResourceTags", request: ofKey, items: "Tags", count: 3, longest: 50, other: ofAnother },
  ];

  describe.each(lists)("$operation of $items", ({ operation, request, items, count, longest, other }) => {
    it("comes in pages of Limit, each item once", async () => {
      const all = (await admin(operation, request()))[items];
      expect(all).toHaveLength(count);
      for (const Limit of [1, 2, count]) {
        const listed: unknown[] = [];
        let page: Answer = {};
        do {
          page = await admin(operation, {
            ...request(),
            Limit,
            ...(page["NextMarker"] && { Marker: page["NextMarker"] }),
          });
          expect(page[items].length).toBeLessThanOrEqual(Limit);
          expect(page["Truncated"]).toBe(page["NextMarker"] !== undefined);
          listed.push(...page[items]);
        } while (page["Truncated"]);
        expect(listed).toEqual(all);
      }
    });

    it("takes no Limit beyond its own", async () => {
      expect(await refused(admin(operation, { ...request(), Limit: longest }))).toBe("answered");
      for (const Limit of [0, longest + 1]) {
        expect(await refused(admin(operation, { ...request(), Limit }))).toBe("ValidationException");
      }
    });

    it("takes no marker but its own", async () => {
      const { NextMarker } = await admin(operation, { ...request(), Limit: 1 });
      expect(NextMarker.length).toBeLessThanOrEqual(1024);
      const ask = (by: Ask, Marker: string, of: object = request()) => refused(by(operation, { ...of, Marker }));
      expect(await ask(admin, NextMarker)).toBe("answered");
      expect(
        await ask(
          admin,
          NextMarker.replace(/^./, (first: string) => (first === "A" ? "B" : "A")),
        ),
      ).toBe("InvalidMarkerException");
      expect(await ask(admin, "marker")).toBe("InvalidMarkerException");
      if (other) expect(await ask(admin, NextMarker, other())).toBe("InvalidMarkerException");
      const { operation: foreign, request: theirs } = lists.find((list) => list.operation !== operation) as List;
      expect(await refused(admin(foreign, { ...theirs(), Marker: NextMarker }))).toBe("InvalidMarkerException");
    });
  });

  it("takes no marker of another account or region", async () => {
    const { NextMarker } = await admin("ListKeys", { Limit: 1 });
    const other = await office.user("other", "444455556666", allow("*"));
    const elsewhere = await office.user("elsewhere", account, allow("*"), "eu-west-1");
    for (const by of [other, elsewhere]) {
      expect(await refused(by("ListKeys", { Marker: NextMarker }))).toBe("InvalidMarkerException");
    }
  });

  it("of aliases goes by identity policies alone, and by a key that is there", async () => {
    const Statement = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:user/admin` }, Action: "kms:Put*" };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: { ...Statement, Resource: "*" } });
    const KeyId = await office.newKey({ Policy });
    expect(await refused(admin("DescribeKey", { KeyId }))).toBe("AccessDeniedException");
    expect(await admin("ListAliases", { KeyId })).toMatchObject({ Aliases: [], Truncated: false });
    const clerk = await office.user("clerk", account, allow("kms:DescribeKey"));
    expect(await refused(clerk("ListAliases", { KeyId: key }))).toBe("AccessDeniedException");
    const foreign = key.replace(account, "444455556666");
    expect(await refused(admin("ListAliases", { KeyId: foreign }))).toBe("AccessDeniedException");
    expect(await refused(admin("ListAliases", { KeyId: key.replace(/.$/, (c) => (c === "0" ? "1" : "0")) }))).toBe(
      "NotFoundException",
    );
    expect(await refused(admin("ListAliases", { KeyId: "alias/a" }))).toBe("InvalidArnException");
  });

  it("has the one policy of a key", async () => {
    const { PolicyNames, Truncated } = await admin("ListKeyPolicies", { KeyId: key, Limit: 1 });
    expect([PolicyNames, Truncated]).toEqual([["default"], false]);
    expect(await refused(admin("ListKeyPolicies", { KeyId: key, Marker: "x" }))).toBe("ValidationException");
  });
});
