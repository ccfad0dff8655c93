import { constants, createDecipheriv, createHmac, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binding } from "../../src/model/encryption-context.ts";
import { refusal, text } from "./asymmetric.ts";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

/** Version and suite, where the ciphertext begins. */
const [aes, sm4] = [
  [1, 1],
  [1, 3],
];
const suiteOf = (ciphertext: Uint8Array | undefined) => [...(ciphertext ?? []).slice(0, 2)];
const EncryptionContext = { city: "北京" };

describe.each(["soft", "softhsm2", "nss"] as const)("SYMMETRIC_DEFAULT in China over %s", (hsm) => {
  const home = temporaryHome();
  let service: Service;
  let kms: KMS;

  beforeAll(async () => {
    const regions = ["cn-north-1", "cn-northwest-1", "us-east-1"].flatMap((region) => ["--region", region]);
    service = await startService(home, hsm, regions);
    kms = service.client(undefined, "cn-north-1");
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  const newKey = async (more: object = {}): Promise<string> => (await kms.createKey(more)).KeyMetadata?.KeyId as string;
  const encrypt = async (KeyId: string, Plaintext = text("secret")): Promise<Uint8Array> =>
    (await kms.encrypt({ KeyId, Plaintext, EncryptionContext })).CiphertextBlob as Uint8Array;
  const decrypt = async (CiphertextBlob: Uint8Array): Promise<Uint8Array | undefined> =>
    (await kms.decrypt({ CiphertextBlob, EncryptionContext })).Plaintext;

  it("is SM4, and looks as it does anywhere else", async () => {
    const { KeyMetadata } = await kms.createKey({});
    expect(KeyMetadata).toMatchObject({
      KeySpec: "SYMMETRIC_DEFAULT",
      EncryptionAlgorithms: ["SYMMETRIC_DEFAULT"],
      Arn: expect.stringMatching(/^arn:aws-cn:kms:cn-north-1:/),
      Enabled: true,
    });
    const KeyId = KeyMetadata?.KeyId as string;
    const ciphertext = await encrypt(KeyId);
    expect(suiteOf(ciphertext)).toEqual(sm4);
    expect(ciphertext).toHaveLength(62 + 6 + 16);
    expect(await decrypt(ciphertext)).toEqual(text("secret"));
    const other = { CiphertextBlob: ciphertext, EncryptionContext: { city: "上海" } };
    expect((await refusal(kms.decrypt(other))).name).toBe("InvalidCiphertextException");
    const longest = new Uint8Array(randomBytes(4096));
    expect(await decrypt(await encrypt(KeyId, longest))).toEqual(longest);
  });

  it("is told by its suite, which no ciphertext can change", async () => {
    const ciphertext = await encrypt(await newKey());
    for (const suite of [1, 2, 4, 0x83]) {
      const refused = await refusal(decrypt(ciphertext.slice().with(1, suite)));
      expect(refused.name).toBe("InvalidCiphertextException");
    }
    expect(await decrypt(ciphertext)).toEqual(text("secret"));
  });

  it("gives data keys and data key pairs", async () => {
    const KeyId = await newKey();
    for (const [KeySpec, length] of [
      ["AES_256", 32],
      ["AES_128", 16],
    ] as const) {
      const { Plaintext, CiphertextBlob } = await kms.generateDataKey({ KeyId, KeySpec, EncryptionContext });
      expect(Plaintext).toHaveLength(length);
      expect(suiteOf(CiphertextBlob)).toEqual(sm4);
      expect(await decrypt(CiphertextBlob as Uint8Array)).toEqual(Plaintext);
    }
    const pair = await kms.generateDataKeyPair({ KeyId, KeyPairSpec: "ECC_NIST_P256", EncryptionContext });
    expect(await decrypt(pair.PrivateKeyCiphertextBlob as Uint8Array)).toEqual(pair.PrivateKeyPlaintext);
  });

  it("is re-encrypted under another key, rotated on demand, and stays SM4", async () => {
    const [from, to] = [await newKey(), await newKey()];
    const CiphertextBlob = await encrypt(from);
    const moved = await kms.reEncrypt({
      CiphertextBlob,
      SourceEncryptionContext: EncryptionContext,
      DestinationKeyId: to,
      DestinationEncryptionContext: EncryptionContext,
    });
    expect(suiteOf(moved.CiphertextBlob)).toEqual(sm4);
    expect(await decrypt(moved.CiphertextBlob as Uint8Array)).toEqual(text("secret"));
    const before = (await kms.describeKey({ KeyId: from })).KeyMetadata?.CurrentKeyMaterialId;
    await kms.rotateKeyOnDemand({ KeyId: from });
    expect((await kms.describeKey({ KeyId: from })).KeyMetadata?.CurrentKeyMaterialId).not.toBe(before);
    expect(suiteOf(await encrypt(from))).toEqual(sm4);
    expect(await decrypt(CiphertextBlob)).toEqual(text("secret"));
  });

  it("is SM4 in every China Region of a multi-Region key, and leaves the partition for no other", async () => {
    const KeyId = await newKey({ MultiRegion: true });
    await kms.replicateKey({ KeyId, ReplicaRegion: "cn-northwest-1" });
    const there = service.client(undefined, "cn-northwest-1");
    const opened = await there.decrypt({ CiphertextBlob: await encrypt(KeyId), EncryptionContext });
    expect(opened.Plaintext).toEqual(text("secret"));
    const made = await there.encrypt({ KeyId, Plaintext: text("secret"), EncryptionContext });
    expect(suiteOf(made.CiphertextBlob)).toEqual(sm4);
    expect(await decrypt(made.CiphertextBlob as Uint8Array)).toEqual(text("secret"));
    const refused = await refusal(kms.replicateKey({ KeyId, ReplicaRegion: "us-east-1" }));
    expect(refused).toMatchObject({
      name: "UnsupportedOperationException",
      message: expect.stringContaining("us-east-1"),
    });
  });

  it("is AES-256 in the other Regions of the same service", async () => {
    const elsewhere = service.client(undefined, "us-east-1");
    const { KeyMetadata } = await elsewhere.createKey({});
    const { CiphertextBlob } = await elsewhere.encrypt({ KeyId: KeyMetadata?.KeyId, Plaintext: text("secret") });
    expect(suiteOf(CiphertextBlob)).toEqual(aes);
  });

  const importing = async (KeyId: string, material: Uint8Array) => {
    const WrappingAlgorithm = "RSAES_OAEP_SHA_256";
    const parameters = { KeyId, WrappingAlgorithm, WrappingKeySpec: "RSA_2048" } as const;
    const { ImportToken, PublicKey } = await kms.getParametersForImport(parameters);
    const key = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: "der", type: "spki" });
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const EncryptedKeyMaterial = publicEncrypt({ key, padding, oaepHash: "sha256" }, material);
    const ExpirationModel = "KEY_MATERIAL_DOES_NOT_EXPIRE";
    return kms.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel });
  };

  const takes16 = async () => {
    const KeyId = await newKey({ Origin: "EXTERNAL" });
    const material = new Uint8Array(randomBytes(16));
    for (const length of [15, 17, 32]) {
      const refused = await refusal(importing(KeyId, new Uint8Array(length)));
      expect(refused.name, `${length}`).toBe("IncorrectKeyMaterialException");
    }
    await importing(KeyId, material);
    const ciphertext = await encrypt(KeyId);
    expect(suiteOf(ciphertext)).toEqual(sm4);
    expect(openedBy(material, KeyId, ciphertext)).toEqual(text("secret"));
    await kms.deleteImportedKeyMaterial({ KeyId });
    await importing(KeyId, material);
    expect(await decrypt(ciphertext)).toEqual(text("secret"));
  };

  const takesNone = async () => {
    const { name, message } = await refusal(newKey({ Origin: "EXTERNAL" }));
    expect(name).toBe("UnsupportedOperationException");
    expect(message).toMatch(/SM4 key material .* or computes no HMAC with keys of 16 bytes\./);
  };

  if (hsm !== "softhsm2") it("takes 16 bytes of material from outside, and no 32", takes16);
  else it("takes no material where the token wants longer keys for HMAC", takesNone);

  /** By the definition alone: KBKDF (SP 800-108) of the material, SM4-GCM of the text. */
  function openedBy(material: Uint8Array, keyId: string, ciphertext: Uint8Array): Uint8Array {
    const raw = Buffer.from(keyId.replaceAll("-", ""), "hex");
    const [header, nonce] = [ciphertext.subarray(0, 62), ciphertext.subarray(34, 50)];
    const fixedInput = Buffer.concat([text("SR1-sm4-gcm\0"), raw, nonce, Buffer.of(0, 0, 0, 128)]);
    const mac = createHmac("sha256", material)
      .update(Buffer.of(0, 0, 0, 1))
      .update(fixedInput)
      .digest();
    const decipher = createDecipheriv("sm4-gcm" as "aes-128-gcm", mac.subarray(0, 16), ciphertext.subarray(50, 62));
    decipher.setAAD(Buffer.concat([header, binding(keyId, EncryptionContext)]));
    decipher.setAuthTag(ciphertext.subarray(-16));
    return new Uint8Array(Buffer.concat([decipher.update(ciphertext.subarray(62, -16)), decipher.final()]));
  }
});
