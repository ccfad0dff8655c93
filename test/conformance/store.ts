import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import type { Store, Write } from "../../src/store/store.ts";

/** A store that can be closed and opened again over the same records. */
export interface StoreHarness {
  open(): Promise<Store>;
  dispose(): Promise<void>;
}

const key = (id: string): string => `key/111122223333/eu-west-1/${id}`;
const write = (id: string, revision: number, value = `value of ${id}`): Write => ({
  path: key(id),
  value: utf8(value),
  revision,
});
const remove = (id: string, revision: number): Write => ({ path: key(id), value: undefined, revision });
const conflict = expect.objectContaining({ name: "StoreError", kind: "conflict" });

/** What every Store owes its callers. `harness` starts with nothing in it. */
export function storeConformance(name: string, harness: () => Promise<StoreHarness>): void {
  describe(`${name} as a Store`, () => {
    let subject: StoreHarness;
    let store: Store;

    beforeEach(async () => {
      subject = await harness();
      store = await subject.open();
    });
    afterEach(async () => {
      await store.close();
      await subject.dispose();
    });

    test("a record that was never written is undefined", async () => {
      expect(await store.get(key("none"))).toBeUndefined();
    });

    test("what was written is read, with revision 1, then one more for each write", async () => {
      await store.commit([write("a", 0)]);
      expect(await store.get(key("a"))).toMatchObject({ path: key("a"), value: utf8("value of a"), revision: 1 });
      await store.commit([write("a", 1, "changed")]);
      expect(await store.get(key("a"))).toMatchObject({ value: utf8("changed"), revision: 2 });
    });

    test("values may be empty, or a megabyte", async () => {
      const large = new Uint8Array(1 << 20).fill(7);
      await store.commit([write("empty", 0, ""), { path: key("large"), value: large, revision: 0 }]);
      expect((await store.get(key("empty")))?.value).toHaveLength(0);
      expect(Buffer.compare((await store.get(key("large")))?.value as Uint8Array, large)).toBe(0);
    });

    test("a deleted record is gone, and may be made again at revision 1", async () => {
      await store.commit([write("a", 0)]);
      await store.commit([remove("a", 1)]);
      expect(await store.get(key("a"))).toBeUndefined();
      await store.commit([write("a", 0, "again")]);
      expect(await store.get(key("a"))).toMatchObject({ value: utf8("again"), revision: 1 });
    });

    test.each([
      ["a new record where there is one", [write("a", 0)]],
      ["a stale revision", [write("a", 1)]],
      ["a revision that is yet to come", [write("a", 3)]],
      ["a revision of a record that does not exist", [write("b", 1)]],
      ["a stale deletion", [remove("a", 1)]],
      ["the deletion of a record that does not exist", [remove("b", 1)]],
      ["two writes to one record", [write("c", 0), write("c", 0)]],
    ])("%s is a conflict, and nothing of the commit is written", async (_, writes) => {
      await store.commit([write("a", 0)]);
      await store.commit([write("a", 1, "second")]);
      await expect(store.commit([write("other", 0), ...writes])).rejects.toEqual(conflict);
      expect(await store.get(key("other"))).toBeUndefined();
      expect(await store.get(key("c"))).toBeUndefined();
      expect(await store.get(key("a"))).toMatchObject({ value: utf8("second"), revision: 2 });
    });

    test("expectations hold, or the commit is a conflict", async () => {
      await store.commit([write("a", 0)]);
      await store.commit(
        [write("b", 0)],
        [
          { path: key("a"), revision: 1 },
          { path: key("none"), revision: 0 },
        ],
      );
      for (const expectation of [
        { path: key("a"), revision: 0 },
        { path: key("a"), revision: 2 },
        { path: key("none"), revision: 1 },
      ]) {
        await expect(store.commit([write("c", 0)], [expectation])).rejects.toEqual(conflict);
        await expect(store.commit([], [expectation])).rejects.toEqual(conflict);
      }
      expect(await store.get(key("c"))).toBeUndefined();
    });

    test("a list has the records below its prefix, in order, page by page", async () => {
      await store.commit(["c", "a", "e", "b", "d"].map((id) => write(id, 0)));
      await store.commit([{ path: "key/111122223333/eu-west-10/x", value: utf8("elsewhere"), revision: 0 }]);
      const prefix = "key/111122223333/eu-west-1/";
      const all = await store.list(prefix);
      expect(all.map(({ path }) => path)).toEqual(["a", "b", "c", "d", "e"].map(key));
      expect(all[2]).toMatchObject({ value: utf8("value of c"), revision: 1 });
      expect((await store.list(prefix, { limit: 2 })).map(({ path }) => path)).toEqual([key("a"), key("b")]);
      const next = await store.list(prefix, { after: key("b"), limit: 2 });
      expect(next.map(({ path }) => path)).toEqual([key("c"), key("d")]);
      expect(await store.list(prefix, { after: key("e") })).toEqual([]);
      expect((await store.list("key/111122223333/")).length).toBe(6);
      expect(await store.list("grant/")).toEqual([]);
    });

    test("a count is the length of the list", async () => {
      await store.commit(["a", "b", "c"].map((id) => write(id, 0)));
      await store.commit([remove("b", 1), { path: "key/111122223333/eu-west-10/x", value: utf8(""), revision: 0 }]);
      expect(await store.count("key/111122223333/eu-west-1/")).toBe(2);
      expect(await store.count("key/111122223333/")).toBe(3);
      expect(await store.count("grant/")).toBe(0);
    });

    test("concurrent commits all arrive, and each conflict stays alone", async () => {
      await store.commit([write("contended", 0)]);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 100 }, (_, i) =>
          store.commit(i % 10 === 0 ? [write(`n${i}`, 0), write("contended", 1, `winner ${i}`)] : [write(`n${i}`, 0)]),
        ),
      );
      const failed = outcomes.flatMap((outcome, i) => (outcome.status === "rejected" ? [i] : []));
      expect(failed).toHaveLength(9);
      expect(failed.every((i) => i % 10 === 0)).toBe(true);
      for (let i = 0; i < 100; i++) expect((await store.get(key(`n${i}`))) === undefined).toBe(failed.includes(i));
      expect((await store.get(key("contended")))?.revision).toBe(2);
    });

    test("a commit is read at once by whoever waited for it", async () => {
      for (let i = 0; i < 50; i++) {
        await store.commit([write("a", i, `${i}`)]);
        expect((await store.get(key("a")))?.value).toEqual(utf8(`${i}`));
      }
    });

    test("records can be read while they are written", async () => {
      const commits = 150;
      let revision = 0;
      const writing = (async () => {
        while (revision < commits) await store.commit([write("a", revision++)]);
      })();
      let last = 0;
      while (last < commits) {
        await new Promise((resolve) => setImmediate(resolve));
        const [one, [listed]] = await Promise.all([store.get(key("a")), store.list("key/111122223333/eu-west-1/")]);
        expect(one?.revision ?? 0).toBeGreaterThanOrEqual(last);
        expect(listed?.revision ?? 0).toBeGreaterThanOrEqual(last);
        last = one?.revision ?? 0;
      }
      await writing;
    });

    test("records outlive the store object, deletions and revisions, too", async () => {
      await store.commit([write("a", 0), write("b", 0)]);
      await store.commit([write("a", 1, "second"), remove("b", 1)]);
      await store.scrub();
      await store.close();
      store = await subject.open();
      expect(await store.get(key("a"))).toMatchObject({ value: utf8("second"), revision: 2 });
      expect(await store.get(key("b"))).toBeUndefined();
    });

    test("the version stays with commits of its own, and moves with another's", async () => {
      await store.commit([write("a", 0)]);
      const before = store.version();
      await store.commit([write("a", 1)]);
      await store.commit([write("a", 2)]);
      expect(store.version()).toBe(before);
      const other = await subject.open();
      try {
        await other.commit([write("a", 3)]);
        const moved = store.version();
        expect(moved).not.toBe(before);
        await other.commit([write("a", 4, "theirs")]);
        expect(store.version()).not.toBe(moved);
        expect(await store.get(key("a"))).toMatchObject({ value: utf8("theirs"), revision: 5 });
      } finally {
        await other.close();
      }
    });

    test("two stores over the same records never both win", async () => {
      const other = await subject.open();
      try {
        await store.commit([write("counter", 0, "0")]);
        await Promise.all([store, other].map((each) => increments(each, 40)));
        expect(await store.get(key("counter"))).toMatchObject({ value: utf8("80"), revision: 81 });
        expect(await other.get(key("counter"))).toMatchObject({ value: utf8("80"), revision: 81 });
      } finally {
        await other.close();
      }
    });

    test("a closed store is unavailable", async () => {
      await store.close();
      const unavailable = expect.objectContaining({ name: "StoreError", kind: "unavailable" });
      await expect(store.get(key("a"))).rejects.toEqual(unavailable);
      await expect(store.list("key/")).rejects.toEqual(unavailable);
      await expect(store.commit([write("a", 0)])).rejects.toEqual(unavailable);
      await store.close();
    });
  });
}

/** Adds one to `counter`, `times` times, reading again after each conflict. */
async function increments(store: Store, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const { value, revision } = (await store.get(key("counter"))) as { value: Uint8Array; revision: number };
    const next = Number(Buffer.from(value).toString()) + 1;
    try {
      await store.commit([write("counter", revision, `${next}`)]);
      done += 1;
    } catch (error) {
      expect(error).toEqual(conflict);
    }
  }
}
