import { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { provisionSoftHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { type HsmConfig, initHsm, type OpenHsm, openHsm } from "../../src/library/hsm.ts";

const folder = mkdtempSync(join(tmpdir(), "strongroom-library-"));
afterAll(() => rmSync(folder, { recursive: true }));

const utf8 = (text: string) => new TextEncoder().encode(text);
const message = utf8("what is signed");
const publicExponent = Uint8Array.of(1, 0, 1);
const signing = [
  [{ name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent, hash: "SHA-256" }, {}],
  [{ name: "RSA-PSS", modulusLength: 2048, publicExponent, hash: "SHA-512" }, { saltLength: 64 }],
  [{ name: "ECDSA", namedCurve: "P-256" }, { hash: "SHA-256" }],
  [{ name: "ECDSA", namedCurve: "P-384" }, { hash: "SHA-384" }],
  [{ name: "ECDSA", namedCurve: "P-521" }, { hash: "SHA-512" }],
  [{ name: "Ed25519" }, {}],
  [{ name: "ML-DSA-44" }, {}],
] as const;
/** Not in every token: FIPS 186-5 and 204 are younger than most. */
const optional = ["Ed25519", "ML-DSA-44"];

const drivers: Record<string, () => Promise<HsmConfig>> = {
  "the soft HSM": async () => ({ driver: "soft", directory: join(folder, "soft"), keyFile: join(folder, "soft/key") }),
  SoftHSM2: () => provisionSoftHsm2(join(folder, "softhsm2"), "library"),
};

describe.each(Object.keys(drivers))("WebCrypto over %s", (name) => {
  let config: HsmConfig;
  let hsm: OpenHsm;
  beforeAll(async () => {
    config = await (drivers[name] as () => Promise<HsmConfig>)();
    await initHsm(config);
    hsm = await openHsm(config);
  });
  afterAll(() => hsm.close());

  /** The pair; undefined where a token refuses what tokens need not have. */
  async function pairOf(algorithm: { readonly name: string }, usages: webcrypto.KeyUsage[]) {
    const made = hsm.subtle.generateKey(algorithm, false, usages) as Promise<webcrypto.CryptoKeyPair>;
    if (hsm.info.driver === "soft" || !optional.includes(algorithm.name)) return made;
    return made.catch((error: Error) => void expect(error.name).toBe("NotSupportedError"));
  }

  it.each(signing)("signs by %o, and its token signs after another opening", async (algorithm, parameters) => {
    const pair = await pairOf(algorithm, ["sign", "verify"]);
    if (!pair) return;
    const { privateKey, publicKey } = pair;
    expect([privateKey.extractable, privateKey.usages, publicKey.usages]).toEqual([false, ["sign"], ["verify"]]);
    const by = { ...algorithm, ...parameters };
    const signature = await hsm.subtle.sign(by, privateKey, message);
    expect(await webcrypto.subtle.verify(by, publicKey, signature, message)).toBe(true);
    expect(await hsm.subtle.verify(by, publicKey, signature, utf8("other"))).toBe(false);

    const token = await hsm.subtle.exportKey("token", privateKey);
    await using other = await openHsm(config);
    const again = await other.subtle.importKey("token", token, algorithm, false, ["sign"]);
    expect(again.algorithm).toEqual(privateKey.algorithm);
    const long = new Uint8Array(10_000);
    expect(await webcrypto.subtle.verify(by, publicKey, await other.subtle.sign(by, again, long), long)).toBe(true);
  });

  it("decrypts what RSA-OAEP encrypted to it", async () => {
    const algorithm = { name: "RSA-OAEP", modulusLength: 2048, publicExponent, hash: "SHA-256" };
    const pair = await pairOf(algorithm, ["encrypt", "decrypt"]);
    if (!pair) return;
    const ciphertext = await webcrypto.subtle.encrypt("RSA-OAEP", pair.publicKey, message);
    expect(new Uint8Array(await hsm.subtle.decrypt("RSA-OAEP", pair.privateKey, ciphertext))).toEqual(message);
    const other = hsm.subtle.decrypt("RSA-OAEP", pair.privateKey, new Uint8Array(256));
    await expect(other).rejects.toMatchObject({ name: "OperationError" });
  });

  it("agrees with a key of Node's on bits", async () => {
    const algorithm = { name: "ECDH", namedCurve: "P-256" } as const;
    const pair = await pairOf(algorithm, ["deriveBits"]);
    if (!pair) return;
    const peer = await webcrypto.subtle.generateKey(algorithm, false, ["deriveBits"]);
    for (const length of [256, 128, null]) {
      const ours = await hsm.subtle.deriveBits({ name: "ECDH", public: peer.publicKey }, pair.privateKey, length);
      const theirs = { name: "ECDH", public: pair.publicKey };
      expect(ours).toEqual(await webcrypto.subtle.deriveBits(theirs, peer.privateKey, length));
    }
    const more = hsm.subtle.deriveBits({ name: "ECDH", public: peer.publicKey }, pair.privateKey, 264);
    await expect(more).rejects.toMatchObject({ name: "OperationError" });
  });

  it("encrypts, and decrypts by the token alone", async () => {
    const algorithm = { name: "SYMMETRIC_DEFAULT", additionalData: utf8("context") } as const;
    const key = await hsm.subtle.generateKey({ name: "SYMMETRIC_DEFAULT" }, false, ["encrypt", "decrypt"]);
    const ciphertext = await hsm.subtle.encrypt(algorithm, key, message);
    const token = await hsm.subtle.exportKey("token", key);
    const again = await hsm.subtle.importKey("token", token, algorithm, false, ["decrypt"]);
    expect(new Uint8Array(await hsm.subtle.decrypt(algorithm, again, ciphertext))).toEqual(message);
    const bare = hsm.subtle.decrypt({ name: "SYMMETRIC_DEFAULT" }, again, ciphertext);
    await expect(bare).rejects.toMatchObject({ name: "OperationError" });
    await expect(hsm.subtle.encrypt(algorithm, again, message)).rejects.toThrow();
  });

  it("computes and verifies HMACs", async () => {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = (await hsm.subtle.generateKey(algorithm, false, ["sign", "verify"])) as CryptoKey;
    const mac = await hsm.subtle.sign("HMAC", key, message);
    expect(mac.byteLength).toBe(32);
    expect(await hsm.subtle.verify("HMAC", key, mac, message)).toBe(true);
    expect(await hsm.subtle.verify("HMAC", key, mac, utf8("other"))).toBe(false);
    expect(await hsm.subtle.verify("HMAC", key, mac.slice(1), message)).toBe(false);
  });

  it("gives no key away, makes none outside, and takes no token for another algorithm", async () => {
    const algorithm = { name: "HMAC", hash: "SHA-512" };
    const key = (await hsm.subtle.generateKey(algorithm, false, ["sign"])) as CryptoKey;
    for (const format of ["raw", "jwk"] as const) {
      await expect(hsm.subtle.exportKey(format, key)).rejects.toMatchObject({ name: "InvalidAccessError" });
    }
    await expect(hsm.subtle.generateKey(algorithm, true, ["sign"])).rejects.toMatchObject({
      name: "InvalidAccessError",
    });
    const token = await hsm.subtle.exportKey("token", key);
    const taken = (other: object, usages: webcrypto.KeyUsage[] = ["sign"]) =>
      hsm.subtle.importKey("token", token, other as never, false, usages);
    await expect(taken({ name: "HMAC", hash: "SHA-256" })).rejects.toMatchObject({ name: "DataError" });
    await expect(taken({ name: "SYMMETRIC_DEFAULT" }, ["encrypt"])).rejects.toMatchObject({ name: "DataError" });
    await expect(taken({ name: "AES-GCM" })).rejects.toMatchObject({ name: "NotSupportedError" });
    await expect(taken(algorithm, ["encrypt"])).rejects.toThrow(/usages/);
    await expect(hsm.subtle.verify("HMAC", await taken(algorithm), new Uint8Array(64), message)).rejects.toThrow();
    const edited = new Uint8Array(token);
    edited[edited.length - 1] = (edited.at(-1) as number) ^ 1;
    const forged = await hsm.subtle.importKey("token", edited, algorithm, false, ["sign"]);
    await expect(hsm.subtle.sign("HMAC", forged, message)).rejects.toMatchObject({ kind: "refused" });
  });

  it.each([
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent, hash: "SHA-1" },
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent, hash: "SHA-256" },
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(3), hash: "SHA-256" },
    { name: "ECDSA", namedCurve: "K-256" },
    { name: "HMAC", hash: "SHA-1" },
  ])("refuses %o", async (algorithm) => {
    await expect(hsm.subtle.generateKey(algorithm, false, ["sign"])).rejects.toThrow();
  });

  it("leaves to Node what is Node's", async () => {
    expect(hsm.crypto.getRandomValues(new Uint8Array(8))).toHaveLength(8);
    expect(await hsm.subtle.digest("SHA-256", message)).toEqual(await webcrypto.subtle.digest("SHA-256", message));
    const key = await hsm.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"]);
    const by = { name: "AES-GCM", iv: new Uint8Array(12) };
    expect(await hsm.subtle.encrypt(by, key, message)).toEqual(await webcrypto.subtle.encrypt(by, key, message));
  });
});
