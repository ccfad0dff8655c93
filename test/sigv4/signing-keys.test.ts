import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { HsmError } from "../../src/base/errors.ts";
import { type KeyScope, type KeySource, SigningKeys } from "../../src/sigv4/signing-keys.ts";

class TestClock implements Clock {
  time = Date.UTC(2026, 10, 22);
  now = (): number => this.time;
  real = (): number => this.time;
}

const scopeOf = (accessKeyId: string): KeyScope => ({
  accessKeyId,
  date: "20261122",
  region: "eu-central-1",
  service: "kms",
});

/** A secret in a box, which counts how often it is used, and gives away the arrays it answered. */
class Source implements KeySource {
  readonly answers: Uint8Array[] = [];
  revision: number;
  #secret: string;

  constructor(secret: string, revision = 1) {
    this.#secret = secret;
    this.revision = revision;
  }

  async kDate(date: string): Promise<Uint8Array> {
    const key = createHmac("sha256", `AWS4${this.#secret}`).update(date).digest();
    this.answers.push(key);
    return key;
  }
}

describe("signing keys", () => {
  it("are the example of the AWS General Reference", async () => {
    const keys = new SigningKeys(new TestClock());
    const scope = { accessKeyId: "A", date: "20150830", region: "us-east-1", service: "iam" };
    const source = new Source("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    const key = Buffer.from("c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9", "hex");
    expect(await keys.sign(scope, source, "text")).toEqual(createHmac("sha256", key).update("text").digest("hex"));
  });

  it("are derived once for all who ask at the same time, and after", async () => {
    const keys = new SigningKeys(new TestClock());
    const source = new Source("s");
    const ask = () => keys.sign(scopeOf("A"), source, "text");
    const signatures = await Promise.all([ask(), ask(), ask()]);
    signatures.push(await ask());
    expect(new Set(signatures).size).toBe(1);
    expect(source.answers).toHaveLength(1);
  });

  it("leave no kDate behind", async () => {
    const source = new Source("s");
    await new SigningKeys(new TestClock()).sign(scopeOf("A"), source, "text");
    expect(source.answers[0]).toEqual(Buffer.alloc(32));
  });

  it("follow the revision of the credential, and the old one is dropped", async () => {
    const keys = new SigningKeys(new TestClock());
    const before = await keys.sign(scopeOf("A"), new Source("old", 1), "text");
    const after = await keys.sign(scopeOf("A"), new Source("new", 2), "text");
    expect(after).not.toEqual(before);
    expect(keys.size).toBe(1);
  });

  it("serve two revisions that come at the same time", async () => {
    const keys = new SigningKeys(new TestClock());
    const [old, fresh] = [new Source("old", 1), new Source("new", 2)];
    const [a, b] = await Promise.all([keys.sign(scopeOf("A"), old, "text"), keys.sign(scopeOf("A"), fresh, "text")]);
    expect(a).not.toEqual(b);
  });

  it("are bounded: the least recently used goes first", async () => {
    const keys = new SigningKeys(new TestClock(), 2);
    const sources = ["A", "B", "C"].map((id) => ({ id, source: new Source(id) }));
    const ask = async (index: number): Promise<number> => {
      const { id, source } = sources[index] as (typeof sources)[0];
      await keys.sign(scopeOf(id), source, "text");
      return source.answers.length;
    };
    for (const index of [0, 1, 0, 2]) await ask(index);
    expect(keys.size).toBe(2);
    expect(await ask(0)).toBe(1);
    expect(await ask(1)).toBe(2);
  });

  it("do not outlive their day", async () => {
    const clock = new TestClock();
    const keys = new SigningKeys(clock);
    await keys.sign(scopeOf("A"), new Source("a"), "text");
    clock.time += 25 * 60 * 60 * 1000;
    await keys.sign(scopeOf("B"), new Source("b"), "text");
    expect(keys.size).toBe(1);
    keys.clear();
    expect(keys.size).toBe(0);
  });

  it("are asked for again after a failure", async () => {
    const keys = new SigningKeys(new TestClock());
    const source = new Source("s");
    const broken: KeySource = { revision: 1, kDate: () => Promise.reject(new HsmError("unavailable", "gone")) };
    await expect(keys.sign(scopeOf("A"), broken, "text")).rejects.toThrow("gone");
    await keys.sign(scopeOf("A"), source, "text");
    expect(source.answers).toHaveLength(1);
  });
});
