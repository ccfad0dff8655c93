import type { KMS } from "@aws-sdk/client-kms";
import { expect } from "vitest";

const context = { EncryptionContext: { of: "evidence" } };

/** Keys, an alias, and what they have made. Answers a check that all of it still holds, asked of any service. */
export async function makeEvidence(kms: KMS, keys = 0): Promise<(by: KMS) => Promise<void>> {
  const KeyId = (await kms.createKey({})).KeyMetadata?.KeyId as string;
  await kms.createAlias({ AliasName: "alias/kept", TargetKeyId: KeyId });
  const old: Uint8Array[] = [];
  for (let i = 0; i < 3; i++) {
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: Buffer.from(`old ${i}`), ...context });
    old.push(CiphertextBlob as Uint8Array);
    await kms.rotateKeyOnDemand({ KeyId });
  }
  const hmac = await kms.createKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
  const asked = { KeyId: hmac.KeyMetadata?.KeyId, Message: Buffer.from("m"), MacAlgorithm: "HMAC_SHA_256" } as const;
  const { Mac } = await kms.generateMac(asked);
  const Message = Buffer.from("message");
  const ec = await kms.createKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  const signing = { KeyId: ec.KeyMetadata?.KeyId, Message, SigningAlgorithm: "ECDSA_SHA_256" } as const;
  const { Signature } = await kms.sign(signing);
  const rsa = await kms.createKey({ KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" });
  const sealing = { KeyId: rsa.KeyMetadata?.KeyId, EncryptionAlgorithm: "RSAES_OAEP_SHA_1" } as const;
  const sealed = (await kms.encrypt({ ...sealing, Plaintext: Message })).CiphertextBlob;
  for (let i = 0; i < keys; i++) await kms.createKey({});
  return async (by) => {
    for (const [i, CiphertextBlob] of old.entries()) {
      const { Plaintext } = await by.decrypt({ CiphertextBlob, ...context });
      expect(Buffer.from(Plaintext as Uint8Array).toString()).toBe(`old ${i}`);
    }
    expect((await by.verifyMac({ ...asked, Mac })).MacValid).toBe(true);
    const fresh = await by.sign(signing);
    for (const one of [Signature, fresh.Signature]) {
      expect((await by.verify({ ...signing, Signature: one })).SignatureValid).toBe(true);
    }
    const opened = await by.decrypt({ ...sealing, CiphertextBlob: sealed });
    expect(Buffer.from(opened.Plaintext as Uint8Array).toString()).toBe("message");
    const { CiphertextBlob } = await by.encrypt({ KeyId: "alias/kept", Plaintext: Buffer.from("new") });
    expect(Buffer.from((await by.decrypt({ CiphertextBlob })).Plaintext as Uint8Array).toString()).toBe("new");
  };
}
