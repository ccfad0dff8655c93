import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { components, path, StoredPaths } from "../../src/store/path.ts";
import { engine } from "./home.ts";

const paths = new StoredPaths(engine, new Uint8Array(32).fill(1));
const others = new StoredPaths(engine, new Uint8Array(32).fill(2));

describe("a path", () => {
  test("escapes everything that could be mistaken for its own syntax", () => {
    expect(path("alias", "111122223333", "us-east-1", "alias/a:b_c-d")).toBe(
      "alias/111122223333/us-east-1/alias%2Fa:b_c-d",
    );
    expect(path("principal", "ü'(*)! %")).toBe("principal/%C3%BC%27%28%2A%29%21%20%25");
    expect(() => path("key", "")).toThrow(RangeError);
    expect(() => path("key", "\ud800")).toThrow(URIError);
  });

  test("gives its components back, whatever they are", () => {
    const component = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(fc.array(component, { minLength: 1 }), (parts) => {
        expect(components(path(...parts))).toEqual(parts);
        expect(path(...parts)).toMatch(/^[A-Za-z0-9:+=,.@_%/-]+$/);
      }),
    );
  });
});

describe("a stored path", () => {
  test("keeps ids, accounts and regions, and hashes names", () => {
    const key = path("key", "111122223333", "us-east-1", "1234");
    expect(paths.of(key)).toBe(key);
    expect(paths.of(path("alias", "111122223333", "us-east-1", "alias/pay"))).toMatch(
      /^alias\/111122223333\/us-east-1\/[0-9a-f]{64}$/,
    );
    expect(paths.of(path("access-key", "AKIA"))).toMatch(/^access-key\/[0-9a-f]{64}$/);
    const grant = path("grant", "111122223333", "us-east-1", "1234", "5678");
    expect(paths.of(grant)).toBe(grant);
    expect(paths.of(path("grantee", "111122223333", "us-east-1", "1234", "arn:aws:iam::1:user/alice", "5678"))).toMatch(
      /^grantee\/111122223333\/us-east-1\/1234\/[0-9a-f]{64}\/5678$/,
    );
    expect(paths.of(path("retirable", "111122223333", "us-east-1", "arn:aws:iam::1:user/alice", "5678"))).toMatch(
      /^retirable\/111122223333\/us-east-1\/[0-9a-f]{64}\/5678$/,
    );
    expect(paths.of(path("grant-name", "111122223333", "us-east-1", "1234", "a name"))).toMatch(
      /^grant-name\/111122223333\/us-east-1\/1234\/[0-9a-f]{64}$/,
    );
  });

  test("hashes every component that no pattern lists", () => {
    expect(paths.of(path("unknown", "alice", "bob"))).toMatch(/^unknown\/[0-9a-f]{64}\/[0-9a-f]{64}$/);
    expect(paths.of(path("access-key", "AKIA", "more"))).toMatch(/^access-key\/[0-9a-f]{64}\/[0-9a-f]{64}$/);
  });

  test("differs by key, account and place, so that equal names do not show", () => {
    const of = (account: string): string => path("alias", account, "us-east-1", "alias/pay");
    const last = (stored: string): string => stored.split("/").at(-1) as string;
    const hashes = [
      paths.of(of("1")),
      paths.of(of("2")),
      others.of(of("1")),
      paths.of(path("principal", "1", "alias/pay")),
    ];
    expect(new Set(hashes.map(last)).size).toBe(4);
  });

  test("of a prefix is the prefix of the stored paths", () => {
    const prefix = paths.ofPrefix(`${path("grants-of", "alice")}/`);
    expect(paths.of(path("grants-of", "alice", "g1")).startsWith(prefix)).toBe(true);
    for (const wrong of ["", "key", "key//"]) expect(() => paths.ofPrefix(wrong)).toThrow(RangeError);
  });

  test("is refused for the barrier's own records, and for what `path` does not make", () => {
    for (const wrong of ["barrier", "change/0000000000000001", "key/", "/key", "key/a b", "key/ü", ""]) {
      expect(() => paths.of(wrong), wrong).toThrow(RangeError);
    }
  });
});
