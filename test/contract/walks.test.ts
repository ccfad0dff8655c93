import { createHash, createPublicKey, randomBytes } from "node:crypto";
import type { KMS } from "@aws-sdk/client-kms";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { exportJWK, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { text } from "./asymmetric.ts";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";
import { terraform } from "./walks/terraform.ts";
import { Walker } from "./walks/walk.ts";

const home = temporaryHome();
let service: Service;
let kms: KMS;

beforeAll(async () => {
  service = await startService(home);
  kms = service.client();
});

afterAll(async () => {
  expect(await service.stop()).toBe(0);
  removeHome(home);
});

describe("Terraform", () => {
  it.each(terraform.map((walk) => [walk.name, walk] as const))("finds no drift in %s", async (_, walk) => {
    const walker = new Walker(kms);
    /** The second reading is the plan: a difference would be a change to apply. */
    const readTwice = async (expected: object): Promise<void> => {
      const first = await walker.walk(walk.read);
      expect(first).toMatchObject(walker.filled(expected));
      expect(await walker.walk(walk.read)).toEqual(first);
    };
    await walker.walk(walk.create);
    await readTwice(walk.created);
    if (walk.update) {
      await walker.walk(walk.update);
      await readTwice(walk.updated ?? {});
    }
    expect(await walker.walk(walk.delete)).toMatchObject(walker.filled(walk.deleted));
  });

  it("may delete a key twice, by the words of the refusal", async () => {
    const { KeyMetadata } = await kms.createKey({});
    await kms.scheduleKeyDeletion({ KeyId: KeyMetadata?.KeyId });
    const again = kms.scheduleKeyDeletion({ KeyId: KeyMetadata?.KeyId });
    await expect(again).rejects.toMatchObject({
      name: "KMSInvalidStateException",
      message: expect.stringContaining("is pending deletion"),
    });
  });
});

describe("keepers of secrets", () => {
  it("sops wraps a file's data key under ARN and context, and unwraps it by the file's entry", async () => {
    const { KeyMetadata } = await kms.createKey({});
    const KeyId = KeyMetadata?.Arn as string;
    const EncryptionContext = { Role: "app", Environment: "prod" };
    const dataKey = randomBytes(32);
    const sealed = await kms.encrypt({ KeyId, Plaintext: dataKey, EncryptionContext });
    // The entry in the file: ARN, context and base64.
    const enc = Buffer.from(sealed.CiphertextBlob as Uint8Array).toString("base64");
    const opened = await kms.decrypt({ KeyId, CiphertextBlob: Buffer.from(enc, "base64"), EncryptionContext });
    expect(Buffer.from(opened.Plaintext as Uint8Array).equals(dataKey)).toBe(true);
    await expect(
      kms.decrypt({ KeyId, CiphertextBlob: Buffer.from(enc, "base64"), EncryptionContext: { Role: "app" } }),
    ).rejects.toMatchObject({ name: "InvalidCiphertextException" });
  });

  it("Vault's seal finds its key by alias, wraps, unwraps without naming a key, and keeps the key's id over a rotation", async () => {
    const { KeyMetadata } = await kms.createKey({});
    await kms.createAlias({ AliasName: "alias/vault-seal", TargetKeyId: KeyMetadata?.KeyId });
    const KeyId = "alias/vault-seal";
    const arn = (await kms.describeKey({ KeyId })).KeyMetadata?.Arn;
    const seal = async (secret: string) => kms.encrypt({ KeyId, Plaintext: text(secret) });
    const before = await seal("unseal key");
    expect(before.KeyId).toBe(arn);
    await kms.rotateKeyOnDemand({ KeyId: KeyMetadata?.KeyId });
    const after = await seal("unseal key");
    expect(after.KeyId).toBe(arn);
    for (const { CiphertextBlob } of [before, after]) {
      expect((await kms.decrypt({ CiphertextBlob })).Plaintext).toEqual(text("unseal key"));
    }
  });
});

describe("signers", () => {
  it("an Ethereum wallet signs a transaction's hash, and its address recovers from the signature", async () => {
    const { KeyMetadata } = await kms.createKey({ KeySpec: "ECC_SECG_P256K1", KeyUsage: "SIGN_VERIFY" });
    const KeyId = KeyMetadata?.KeyId as string;
    const { PublicKey } = await kms.getPublicKey({ KeyId });
    // SubjectPublicKeyInfo ends with the point, 04 ‖ x ‖ y; the address is the end of its hash.
    const point = (PublicKey as Uint8Array).slice(-65);
    const addressOf = (bytes: Uint8Array) => Buffer.from(keccak_256(bytes.subarray(1)).subarray(-20)).toString("hex");
    for (let i = 0; i < 8; i++) {
      const hash = keccak_256(text(`transaction ${i}`));
      const request = { KeyId, Message: hash, MessageType: "DIGEST", SigningAlgorithm: "ECDSA_SHA_256" } as const;
      const { Signature } = await kms.sign(request);
      const signature = secp256k1.Signature.fromBytes(Signature as Uint8Array, "der");
      // EIP-2: the lower s. KMS gives either.
      const { r, s } = signature;
      const low = new secp256k1.Signature(r, signature.hasHighS() ? secp256k1.Point.Fn.neg(s) : s);
      expect(secp256k1.verify(low.toBytes(), hash, point, { prehash: false })).toBe(true);
      const recovered = [0, 1].map((bit) => low.addRecoveryBit(bit).recoverPublicKey(hash).toBytes(false));
      expect(recovered.map(addressOf)).toContain(addressOf(point));
    }
  });

  it("an issuer of JSON Web Tokens signs the digest of ES256, and others verify by its JWK", async () => {
    const { KeyMetadata } = await kms.createKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    const KeyId = KeyMetadata?.KeyId as string;
    const { PublicKey } = await kms.getPublicKey({ KeyId });
    const key = createPublicKey({ key: Buffer.from(PublicKey as Uint8Array), format: "der", type: "spki" });
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const claims = { sub: "user-7", exp: Math.floor(Date.now() / 1000) + 300 };
    const signed = `${encode({ alg: "ES256", typ: "JWT", kid: KeyId })}.${encode(claims)}`;
    const Message = createHash("sha256").update(signed).digest();
    const { Signature } = await kms.sign({ KeyId, Message, MessageType: "DIGEST", SigningAlgorithm: "ECDSA_SHA_256" });
    const jwt = `${signed}.${concatenated(Signature as Uint8Array).toString("base64url")}`;
    const jwk = await exportJWK(key);
    const { payload } = await jwtVerify(jwt, jwk, { algorithms: ["ES256"] });
    expect(payload.sub).toBe("user-7");
    const forged = jwt.replace(encode(claims), encode({ ...claims, sub: "user-8" }));
    await expect(jwtVerify(forged, jwk)).rejects.toThrow("signature verification failed");
  });
});

/** r ‖ s of 32 bytes each (RFC 7518 §3.4), of a DER signature. */
function concatenated(der: Uint8Array): Buffer {
  const integers: Buffer[] = [];
  for (let at = 2; at < der.length; at += 2 + (der[at + 1] as number)) {
    const integer = Buffer.from(der.subarray(at + 2, at + 2 + (der[at + 1] as number)));
    integers.push(Buffer.concat([Buffer.alloc(32), integer]).subarray(-32));
  }
  return Buffer.concat(integers);
}
