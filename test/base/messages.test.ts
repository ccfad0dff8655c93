import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KmsError } from "../../src/base/errors.ts";
import { part } from "../../src/base/message.ts";
import { attestationProblems, ours, parts, proxyFailures, recorded } from "../../src/base/messages.ts";
import { quotas } from "../../src/model/quotas.ts";

const src = new URL("../../src/", import.meta.url).pathname;
const sources = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && path !== join("base", "messages.ts"))
  .map((path) => readFileSync(join(src, path), "utf8"))
  .join("\n");

const attestation = ["attestation.ts", "chain.ts", "document.ts"]
  .map((file) => readFileSync(join(src, "attestation", file), "utf8"))
  .join("\n");

const groups: readonly (readonly [string, object])[] = [...Object.entries(recorded), ...Object.entries(ours)];
const entries = groups.flatMap(([code, texts]) =>
  Object.entries(texts as Readonly<Record<string, string>>).map(([name, text]) => [code, name, text] as const),
);

describe("the table of messages", () => {
  it.each(entries)("has a use for %s %s", (code, name) => {
    const uses = [new RegExp(`"${code}",\\s*"${name}"`), ...indirect(code, name)];
    expect(uses.some((use) => use.test(sources))).toBe(true);
  });

  it.each(groups.filter(([, texts]) => Object.keys(texts).length === 0))("has a use for %s", (code) => {
    expect(sources).toContain(`"${code}"`);
  });

  it.each(Object.keys(parts))("has a use for the part %s", (name) => {
    expect(sources).toMatch(new RegExp(`part\\([^()]*"${name}"`));
  });

  it.each(Object.keys(attestationProblems))("has a use for the problem %s of an attestation document", (name) => {
    expect(attestation).toContain(`"${name}"`);
  });

  it("says each thing in one place", () => {
    const names = entries.map(([code, name]) => `${code} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    const failures = Object.keys(proxyFailures);
    expect(entries.filter(([, name]) => failures.includes(name) && name !== "timeout")).toEqual([]);
  });

  it.each(Object.keys(quotas))("says when %s is exceeded", (name) => {
    expect(entries.map(([code, own]) => `${code} ${own}`)).toContain(`LimitExceededException ${name}`);
  });

  it("takes nothing in whole from elsewhere, but what an HSM says of itself and lists of its own parts", () => {
    const whole = entries.filter(([, , text]) => /^\{\w+\}$/.test(text)).map(([code, name]) => `${code} ${name}`);
    expect(whole).toEqual(["IncompleteSignatureException missing", "UnsupportedOperationException hsmReason"]);
  });
});

/** Where an exception is thrown by a table of its own, or a function that knows which exception it throws. */
function indirect(code: string, name: string): RegExp[] {
  const by: Readonly<Record<string, string>> = {
    AccessDeniedException: `["(]${name}"`,
    MalformedPolicyDocumentException: `"${name}"`,
    SerializationException: `(wrongType\\(.*|refuse\\()"${name}"`,
  };
  return by[code] === undefined ? [] : [new RegExp(by[code])];
}

describe("a text", () => {
  it("has the values in its places, as they are", () => {
    const error = new KmsError("NotFoundException", "grant", { id: "{arn}", arn: "$&" });
    expect(error).toMatchObject({ code: "NotFoundException", message: "Grant {arn} of $& does not exist" });
    expect(part("short", { path: "keyId", min: 1 })).toContain("'keyId'");
  });

  it("is empty for an exception that has none", () => {
    expect(new KmsError("InvalidCiphertextException").message).toBe("");
  });

  it("tells what went wrong with a proxy under any exception, and keeps the cause", () => {
    const cause = new Error("x");
    const error = new KmsError("XksProxyUriUnreachableException", "timeout", {}, { cause });
    expect(error).toMatchObject({ message: proxyFailures.timeout, cause });
  });
});
