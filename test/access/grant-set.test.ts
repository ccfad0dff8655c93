import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GrantSet, type GrantUse } from "../../src/access/grant-set.ts";
import type { GrantConstraints, GrantOperation, GrantTerms } from "../../src/model/grant.ts";

type Context = Readonly<Record<string, string>>;

const names = ["app", "App", "tier"] as const;
const values = [undefined, "a", "b", "A"] as const;
const contexts: readonly Context[] = values.flatMap((app) =>
  values.flatMap((upper) =>
    values.map((tier) =>
      Object.fromEntries([app, upper, tier].flatMap((value, i) => (value ? [[names[i] as string, value]] : []))),
    ),
  ),
);

/** Pair by pair, and nothing shared with src. */
function satisfies(
  context: Context,
  { EncryptionContextEquals, EncryptionContextSubset, SourceArn }: GrantConstraints,
  source?: string,
) {
  if (SourceArn !== undefined && SourceArn !== source) return false;
  const has = (pairs: Context, name: string, value: string): boolean =>
    Object.entries(pairs).some(([other, held]) => other.toLowerCase() === name.toLowerCase() && held === value);
  const contains = (whole: Context, part: Context): boolean =>
    Object.entries(part).every(([name, value]) => has(whole, name, value));
  if (EncryptionContextSubset) return contains(context, EncryptionContextSubset);
  if (!EncryptionContextEquals) return true;
  const pairs = (of: Context): string =>
    Object.entries(of)
      .map(([name, value]) => name.toLowerCase() + value)
      .sort()
      .join();
  return pairs(context) === pairs(EncryptionContextEquals);
}

const operations: readonly GrantOperation[] = ["Encrypt", "Decrypt", "CreateGrant", "DescribeKey"];
const someOperations = fc.subarray([...operations], { minLength: 1 });
const context = fc.constantFrom(...contexts);
const source = fc.constantFrom(undefined, "arn:aws:s3:us-east-1:111122223333:a", "arn:aws:s3:us-east-1:111122223333:b");
const constraints = fc
  .tuple(
    fc.oneof(
      fc.constant<GrantConstraints>({}),
      context.map((EncryptionContextEquals): GrantConstraints => ({ EncryptionContextEquals })),
      context.map((EncryptionContextSubset): GrantConstraints => ({ EncryptionContextSubset })),
    ),
    source,
  )
  .map(([pairs, SourceArn]): GrantConstraints => (SourceArn === undefined ? pairs : { ...pairs, SourceArn }));
const terms: fc.Arbitrary<GrantTerms> = fc.record({ operations: someOperations, constraints });
const history = fc.array(fc.record({ terms, removed: fc.boolean() }), { maxLength: 12 });

/** The set after a history, and what is left in it. */
function replay(steps: readonly { terms: GrantTerms; removed: boolean }[]) {
  const set = new GrantSet();
  for (const [i, step] of steps.entries()) set.add(`g${i}`, step.terms);
  for (const [i, step] of steps.entries()) if (step.removed) set.remove(`g${i}`);
  const left = new Map(steps.flatMap((step, i) => (step.removed ? [] : [[`g${i}`, step.terms] as const])));
  expect(set.size).toBe(left.size);
  return { set, left };
}

/** `find` answers one of `allowing`, and nothing when there is none. */
function expectFound(set: GrantSet, use: GrantUse, allowing: readonly string[]): boolean {
  const found = set.find(use);
  if (allowing.length === 0) expect(found).toBeUndefined();
  else expect(allowing).toContain(found);
  return found !== undefined;
}

describe("the grants of a grantee on a key", () => {
  test("allow what one of them allows under its constraint", () => {
    const outcomes = { allowed: 0, denied: 0 };
    fc.assert(
      fc.property(
        history,
        fc.constantFrom<GrantOperation>("Encrypt", "Decrypt"),
        context,
        source,
        (steps, operation, used, sourceArn) => {
          const { set, left } = replay(steps);
          const allowing = [...left].filter(
            ([, held]) => held.operations.includes(operation) && satisfies(used, held.constraints ?? {}, sourceArn),
          );
          const found = expectFound(
            set,
            { operation, context: used, sourceArn },
            allowing.map(([id]) => id),
          );
          outcomes[found ? "allowed" : "denied"] += 1;
        },
      ),
      { numRuns: 2000 },
    );
    expect(Math.min(outcomes.allowed, outcomes.denied)).toBeGreaterThan(200);
  });

  test("allow a child that allows nothing which its parent does not", () => {
    const outcomes = { allowed: 0, denied: 0 };
    /** One pair more than any constraint has: what is only a subset shows. */
    const used = contexts.flatMap((pairs) => [pairs, { ...pairs, more: "z" }]);
    const entails = (child: GrantConstraints, parent: GrantConstraints, sourceArn?: string): boolean =>
      (parent.SourceArn === undefined || (parent.SourceArn === sourceArn && child.SourceArn === sourceArn)) &&
      used.every((pairs) => !satisfies(pairs, child, child.SourceArn) || satisfies(pairs, parent, parent.SourceArn));
    fc.assert(
      fc.property(history, terms, source, (steps, child, sourceArn) => {
        const { set, left } = replay(steps);
        const allowing = [...left].filter(
          ([, parent]) =>
            ["CreateGrant" as const, ...child.operations].every((name) => parent.operations.includes(name)) &&
            entails(child.constraints ?? {}, parent.constraints ?? {}, sourceArn),
        );
        const found = expectFound(
          set,
          { operation: "CreateGrant", child, sourceArn },
          allowing.map(([id]) => id),
        );
        outcomes[found ? "allowed" : "denied"] += 1;
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(outcomes.allowed, outcomes.denied)).toBeGreaterThan(100);
  });

  test("allow DescribeKey whatever their constraints, but for a source ARN that the request brings", () => {
    fc.assert(
      fc.property(history, source, (steps, sourceArn) => {
        const { set, left } = replay(steps);
        const allowing = [...left].filter(
          ([, { operations, constraints: { SourceArn = sourceArn } = {} }]) =>
            operations.includes("DescribeKey") && (sourceArn === undefined || SourceArn === sourceArn),
        );
        expectFound(
          set,
          { operation: "DescribeKey", sourceArn },
          allowing.map(([id]) => id),
        );
      }),
    );
  });

  test("compare the keys of a context without regard to case, and its values by it", () => {
    const set = new GrantSet();
    set.add("g", { operations: ["Encrypt"], constraints: { EncryptionContextSubset: { Department: "IT" } } });
    const find = (used: Context) => set.find({ operation: "Encrypt", context: used });
    expect(find({ department: "IT", other: "x" })).toBe("g");
    expect(find({ DEPARTMENT: "IT" })).toBe("g");
    expect(find({ Department: "it" })).toBeUndefined();
    expect(find({})).toBeUndefined();
  });

  test("allow the same however many there are", () => {
    const set = new GrantSet();
    const all = 50_000;
    for (let i = 0; i < all; i++) {
      const pairs = { volume: `v${i}`, app: "x" };
      const constraint = i % 2 === 0 ? { EncryptionContextEquals: pairs } : { EncryptionContextSubset: pairs };
      set.add(`g${i}`, { operations: ["Encrypt", "CreateGrant"], constraints: constraint });
    }
    expect(set.find({ operation: "Encrypt", context: { volume: "v4242", app: "x" } })).toBe("g4242");
    expect(set.find({ operation: "Encrypt", context: { volume: "v4243", app: "x", more: "y" } })).toBe("g4243");
    expect(set.find({ operation: "Encrypt", context: { volume: "v4242", app: "x", more: "y" } })).toBeUndefined();
    expect(set.find({ operation: "Encrypt", context: { volume: `v${all}`, app: "x" } })).toBeUndefined();
    expect(set.find({ operation: "Decrypt", context: { volume: "v4242", app: "x" } })).toBeUndefined();
    for (let i = 0; i < all; i++) set.remove(`g${i}`);
    expect(set.size).toBe(0);
    expect(set.find({ operation: "Encrypt", context: { volume: "v4242", app: "x" } })).toBeUndefined();
  });
});
