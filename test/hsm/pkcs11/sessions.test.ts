import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { equalBytes, utf8 } from "../../../src/base/bytes.ts";
import { ConfigError } from "../../../src/base/errors.ts";
import { driver, type Pkcs11Hsm } from "../../../src/hsm/pkcs11/driver.ts";
import { expectHsmError, metaOf } from "../../conformance/hsm-fixture.ts";
import { aad, algorithm, behind, encrypt, newKey, openSoft, type SoftToken, softTokens } from "./tokens.ts";

const token = softTokens();
const meta = (kind: "kms-hmac" | "kms-private", spec: "HMAC_512" | "ECC_NIST_P256") =>
  ({ ...metaOf(kind), spec, usage: kind === "kms-hmac" ? "GENERATE_VERIFY_MAC" : "SIGN_VERIFY" }) as const;

/** A real token behind network.c, with a domain key. */
async function faraway(options: Partial<SoftToken> = {}, environment: Record<string, string> = {}) {
  const near = await token();
  await driver.init(near);
  const config = behind("network", near);
  const far = { ...config, environment: { ...config.environment, NETWORK_DELAY: "2000", ...environment } };
  const files = () => readdirSync(near.folder);
  const atOnce = () => Math.max(...files().map((name) => Number(/^at-once-(\d+)$/.exec(name)?.[1] ?? 0)));
  return { config: { ...far, ...options }, atOnce, isShared: () => files().includes("shared") };
}

async function opened<Answer>(config: SoftToken, use: (hsm: Pkcs11Hsm) => Promise<Answer>): Promise<Answer> {
  const hsm = await openSoft(config);
  try {
    return await use(hsm);
  } finally {
    await hsm.close();
  }
}

const times = <Answer>(count: number, use: (i: number) => Promise<Answer>): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => use(i)));

describe("sessions", () => {
  it("do as many operations at once, each in one of its own, and every kind of operation", async () => {
    const { config, atOnce, isShared } = await faraway({ sessions: 16 });
    await opened(config, async (hsm) => {
      expect(hsm.sessions).toBe(16);
      const key = await newKey(hsm);
      const mac = await hsm.generateKey(meta("kms-hmac", "HMAC_512"));
      const pair = await hsm.keyPairs.generate(meta("kms-private", "ECC_NIST_P256"));
      const sealed = await encrypt(hsm, key);
      const uses: readonly (() => Promise<unknown>)[] = [
        () => encrypt(hsm, key),
        () => hsm.decrypt(key, algorithm, sealed, aad),
        () => hsm.generateDataKey(key, 32, aad, "both"),
        () => hsm.reEncrypt({ key, algorithm, ciphertext: sealed, aad }, { key, algorithm, aad }),
        () => hsm.mac(mac, aad),
        () => hsm.keyPairs.sign(pair.ekt, "ECDSA_SHA_256", aad, "RAW"),
      ];
      const answers = await times(120, (i) => (uses[i % uses.length] as () => Promise<unknown>)());
      expect(answers[1]).toEqual(utf8("plaintext"));
      expect(answers).not.toContain(null);
    });
    expect(atOnce()).toBeGreaterThanOrEqual(8);
    expect(atOnce()).toBeLessThanOrEqual(17);
    expect(isShared()).toBe(false);
  });

  it("do AES-GCM in the token, too, as many at once, and what a stranger sends ends nothing", async () => {
    const { config, atOnce, isShared } = await faraway({ sessions: 8, boundary: "token-gcm" }, { NETWORK_ALL: "1" });
    await opened(config, async (hsm) => {
      const [pids, key] = [hsm.workerPids, await newKey(hsm)];
      const sealed = await encrypt(hsm, key);
      const edited = sealed.with(-1, (sealed.at(-1) as number) ^ 1);
      const answers = await times(40, (i) => hsm.decrypt(key, algorithm, i % 4 === 0 ? edited : sealed, aad));
      expect(answers.filter((plaintext) => plaintext === null)).toHaveLength(10);
      expect(answers.filter((plaintext) => plaintext && equalBytes(plaintext, utf8("plaintext")))).toHaveLength(30);
      const to = { key, algorithm, aad } as const;
      expect(await hsm.reEncrypt({ ...to, ciphertext: edited }, to)).toBeNull();
      const again = await hsm.reEncrypt({ ...to, ciphertext: sealed }, to);
      expect(await hsm.decrypt(key, algorithm, again as Uint8Array, aad)).toEqual(utf8("plaintext"));
      const { ciphertext, plaintext } = await hsm.generateDataKey(key, 1024, aad, "both");
      expect(await hsm.decrypt(key, algorithm, ciphertext, aad)).toEqual(plaintext);
      expect(hsm.workerPids).toEqual(pids);
    });
    expect(atOnce()).toBeGreaterThanOrEqual(4);
    expect(atOnce()).toBeLessThanOrEqual(9);
    expect(isShared()).toBe(false);
  });

  it("are one where one is wanted, and where the token is quick; more where it is far away", async () => {
    const { config, atOnce, isShared } = await faraway({ sessions: 1 });
    await opened(config, async (hsm) => {
      const key = await newKey(hsm);
      await times(32, () => encrypt(hsm, key));
      expect(hsm.sessions).toBe(1);
    });
    expect([atOnce(), isShared()]).toEqual([1, false]);
    const { sessions: _, ...unsaid } = config;
    expect(await opened(unsaid, async (hsm) => hsm.sessions)).toBe(16);
    const near = { ...config.environment, NETWORK_DELAY: "0" };
    expect(await opened({ ...unsaid, environment: near }, async (hsm) => hsm.sessions)).toBe(1);
  });

  it("keep a key that they work with, whatever forgets it meanwhile", async () => {
    const { config } = await faraway({ sessions: 8 });
    await opened(config, async (hsm) => {
      const [pid, key] = [hsm.workerPids[0], await newKey(hsm)];
      await Promise.all([times(64, () => encrypt(hsm, key)), times(8, () => hsm.reload())]);
      expect(hsm.workerPids).toEqual([pid]);
    });
  });

  it("that a token says it does not have are refused", async () => {
    const { config } = await faraway({}, { NETWORK_SESSIONS: "6", NETWORK_SAYS: "1" });
    await expect(openSoft({ ...config, sessions: 5 })).rejects.toThrow(/sessions: 5 is more than the token has: 3/);
    expect(await opened({ ...config, sessions: 3 }, async (hsm) => hsm.sessions)).toBe(3);
    expect(await opened(config, async (hsm) => hsm.sessions)).toBe(3);
  });

  it("that a token does not open, and does not say so, are refused when they were asked for", async () => {
    const { config } = await faraway({}, { NETWORK_SESSIONS: "7" });
    await expectHsmError("unavailable", openSoft({ ...config, sessions: 16 }));
    await opened(config, async (hsm) => {
      expect(hsm.sessions).toBeGreaterThan(1);
      const key = await newKey(hsm);
      await hsm.keyPairs.generateDataKeyPair(key, "ECC_NIST_P256", aad, "both");
      await times(32, () => encrypt(hsm, key));
    });
  });

  it("are for the native engine: others do one operation after the other", async () => {
    const { config } = await faraway({ engine: "wasm" });
    await expect(openSoft({ ...config, sessions: 2 })).rejects.toBeInstanceOf(ConfigError);
    expect(await opened(config, async (hsm) => hsm.sessions)).toBe(1);
  });
});
