import {
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  randomBytes,
} from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DataKeyPairSpec,
  DecapsulateCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncapsulateCommand,
  EncryptCommand,
  type EncryptionAlgorithmSpec,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateMacCommand,
  type KMS,
  type MacAlgorithmSpec,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  VerifyMacCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Abilities, abilitiesOf } from "./abilities.ts";
import { base64, edited, Keys, openssl, publicKeyOf, refusal, type Signer, text } from "./asymmetric.ts";
import { hsmChoices } from "./hsms.ts";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

describe.each(hsmChoices)("over %s", (hsm) => {
  const home = temporaryHome();
  const account = "111122223333";
  let service: Service;
  let kms: KMS;
  let keys: Keys;
  let abilities: Abilities;

  beforeAll(async () => {
    service = await startService(home, hsm, ["--account", account, "--region", "us-east-1", "--region", "cn-north-1"]);
    kms = service.client();
    abilities = await abilitiesOf(home);
    keys = new Keys(kms, abilities);
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  const symmetric = () => keys.of("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");

  describe("RSA encryption", () => {
    const encrypt = async (KeyId: string, Plaintext: Uint8Array, by: EncryptionAlgorithmSpec): Promise<Uint8Array> => {
      const answer = await kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionAlgorithm: by }));
      expect(answer.EncryptionAlgorithm).toBe(by);
      return answer.CiphertextBlob as Uint8Array;
    };
    const decrypt = (KeyId: string, CiphertextBlob: Uint8Array, by: EncryptionAlgorithmSpec) =>
      kms.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm: by }));

    it.each([
      ["RSA_2048", "RSAES_OAEP_SHA_1", 214],
      ["RSA_2048", "RSAES_OAEP_SHA_256", 190],
      ["RSA_3072", "RSAES_OAEP_SHA_1", 342],
      ["RSA_3072", "RSAES_OAEP_SHA_256", 318],
      ["RSA_4096", "RSAES_OAEP_SHA_1", 470],
      ["RSA_4096", "RSAES_OAEP_SHA_256", 446],
    ] as const)(
      "by %s and %s is bare OAEP of at most %i bytes",
      async (spec, by, longest) => {
        const { id, arn, publicKey } = await keys.of(spec, "ENCRYPT_DECRYPT");
        for (const length of [1, longest]) {
          const plaintext = new Uint8Array(randomBytes(length));
          const ciphertext = await encrypt(id, plaintext, by);
          expect(ciphertext.length).toBe(Number(spec.slice(4)) / 8);
          const opened = await decrypt(arn, ciphertext, by);
          expect(opened).toMatchObject({ Plaintext: plaintext, KeyId: arn, EncryptionAlgorithm: by });
          expect(opened).not.toHaveProperty("KeyMaterialId");
          const hash = by.slice("RSAES_OAEP_".length).replace("_", "").toLowerCase();
          const outside = openssl(
            `pkeyutl -encrypt -pubin -inkey key -keyform DER -in plaintext -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:${hash}`.split(
              " ",
            ),
            { key: publicKey, plaintext },
          );
          expect((await decrypt(id, new Uint8Array(outside), by)).Plaintext).toEqual(plaintext);
        }
        expect(await refusal(encrypt(id, new Uint8Array(longest + 1), by))).toEqual({
          name: "ValidationException",
          message: `Algorithm ${by} and key spec ${spec} cannot encrypt data larger than ${longest} bytes.`,
        });
      },
      60_000,
    );

    it("opens nothing edited, by the other hash, or with another key", async () => {
      const { id } = await keys.of("RSA_2048", "ENCRYPT_DECRYPT");
      const other = await keys.make("RSA_2048", "ENCRYPT_DECRYPT");
      const ciphertext = await encrypt(id, text("secret"), "RSAES_OAEP_SHA_256");
      for (const [key, blob, by] of [
        [id, edited(ciphertext, 9), "RSAES_OAEP_SHA_256"],
        [id, ciphertext.subarray(1), "RSAES_OAEP_SHA_256"],
        [id, new Uint8Array(6144), "RSAES_OAEP_SHA_256"],
        [id, ciphertext, "RSAES_OAEP_SHA_1"],
        [other.id, ciphertext, "RSAES_OAEP_SHA_256"],
      ] as const) {
        expect((await refusal(decrypt(key, blob, by))).name).toBe("InvalidCiphertextException");
      }
    });

    it("needs its key and its algorithm, and has no encryption context", async () => {
      const { id } = await keys.of("RSA_2048", "ENCRYPT_DECRYPT");
      const CiphertextBlob = await encrypt(id, text("secret"), "RSAES_OAEP_SHA_256");
      const mismatch = {
        name: "InvalidKeyUsageException",
        message: "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
      };
      // Without an algorithm it is read as one of a symmetric key, and names none.
      const unsaid = new DecryptCommand({ KeyId: id, CiphertextBlob });
      expect(await refusal(kms.send(unsaid))).toEqual({ name: "InvalidCiphertextException", message: "UnknownError" });
      expect(await refusal(kms.send(new EncryptCommand({ KeyId: id, Plaintext: text("x") })))).toEqual(mismatch);
      const nameless = new DecryptCommand({ CiphertextBlob, EncryptionAlgorithm: "RSAES_OAEP_SHA_256" });
      expect((await refusal(kms.send(nameless))).name).toBe("ValidationException");
      const bound = new EncryptCommand({
        KeyId: id,
        Plaintext: text("x"),
        EncryptionAlgorithm: "RSAES_OAEP_SHA_1",
        EncryptionContext: { a: "b" },
      });
      expect((await refusal(kms.send(bound))).name).toBe("ValidationException");
      const data = new GenerateDataKeyCommand({ KeyId: id, KeySpec: "AES_256" });
      expect((await refusal(kms.send(data))).name).toBe("InvalidKeyUsageException");
      const { id: aes } = await symmetric();
      expect(await refusal(encrypt(aes, text("x"), "RSAES_OAEP_SHA_1"))).toEqual({
        name: "InvalidKeyUsageException",
        message: "Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT.",
      });
    });

    it("takes part in ReEncrypt, from and to", async () => {
      const [rsa, aes] = [await keys.of("RSA_2048", "ENCRYPT_DECRYPT"), await symmetric()];
      const plaintext = text("moving");
      const sealed = await kms.send(
        new EncryptCommand({ KeyId: aes.id, Plaintext: plaintext, EncryptionContext: { a: "b" } }),
      );
      const toRsa = await kms.send(
        new ReEncryptCommand({
          CiphertextBlob: sealed.CiphertextBlob,
          SourceEncryptionContext: { a: "b" },
          DestinationKeyId: rsa.id,
          DestinationEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
        }),
      );
      expect(toRsa).toMatchObject({
        SourceKeyId: aes.arn,
        KeyId: rsa.arn,
        SourceEncryptionAlgorithm: "SYMMETRIC_DEFAULT",
      });
      expect(toRsa.SourceKeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
      expect(toRsa).not.toHaveProperty("DestinationKeyMaterialId");
      const back = await kms.send(
        new ReEncryptCommand({
          CiphertextBlob: toRsa.CiphertextBlob,
          SourceKeyId: rsa.id,
          SourceEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
          DestinationKeyId: aes.id,
        }),
      );
      expect((await kms.send(new DecryptCommand({ CiphertextBlob: back.CiphertextBlob }))).Plaintext).toEqual(
        plaintext,
      );
      const wrong = new ReEncryptCommand({
        CiphertextBlob: edited(toRsa.CiphertextBlob as Uint8Array, 5),
        SourceKeyId: rsa.id,
        SourceEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
        DestinationKeyId: aes.id,
      });
      expect((await refusal(kms.send(wrong))).name).toBe("InvalidCiphertextException");
      const large = await kms.send(new EncryptCommand({ KeyId: aes.id, Plaintext: new Uint8Array(191) }));
      const tooLarge = new ReEncryptCommand({
        CiphertextBlob: large.CiphertextBlob,
        DestinationKeyId: rsa.id,
        DestinationEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
      });
      expect((await refusal(kms.send(tooLarge))).name).toBe("ValidationException");
    });
  });

  describe("SM2 encryption", () => {
    it("is for China, of at most 1,024 bytes", async () => {
      if (!(await keys.served("SM2", "ENCRYPT_DECRYPT"))) return;
      const china = service.client(undefined, "cn-north-1");
      const { id } = await new Keys(china, abilities).make("SM2", "ENCRYPT_DECRYPT");
      const by = { KeyId: id, EncryptionAlgorithm: "SM2PKE" } as const;
      const Plaintext = new Uint8Array(randomBytes(1024));
      const { CiphertextBlob } = await china.send(new EncryptCommand({ ...by, Plaintext }));
      expect((await china.send(new DecryptCommand({ ...by, CiphertextBlob }))).Plaintext).toEqual(Plaintext);
      const large = new EncryptCommand({ ...by, Plaintext: new Uint8Array(1025) });
      expect((await refusal(china.send(large))).name).toBe("ValidationException");
    });
  });

  describe("MACs", () => {
    it.each([224, 256, 384, 512])("by HMAC_%i keys verify, and nothing else does", async (bits) => {
      if (!(await keys.served(`HMAC_${bits}` as "HMAC_256", "GENERATE_VERIFY_MAC"))) return;
      const MacAlgorithm = `HMAC_SHA_${bits}` as MacAlgorithmSpec;
      const { id, arn } = await keys.of(`HMAC_${bits}` as "HMAC_256", "GENERATE_VERIFY_MAC");
      for (const Message of [text("m"), new Uint8Array(4096)]) {
        const request = { KeyId: id, Message, MacAlgorithm };
        const { Mac = new Uint8Array(0), ...answer } = await kms.send(new GenerateMacCommand(request));
        expect(answer).toMatchObject({ KeyId: arn, MacAlgorithm });
        expect(Mac.length).toBe(bits / 8);
        expect((await kms.send(new GenerateMacCommand(request))).Mac).toEqual(Mac);
        expect(await kms.send(new VerifyMacCommand({ ...request, Mac }))).toMatchObject({ MacValid: true, KeyId: arn });
        for (const wrong of [
          { ...request, Mac: edited(Mac) },
          { ...request, Mac: Mac.subarray(0, 16) },
          { ...request, Mac, Message: edited(Message) },
        ]) {
          expect((await refusal(kms.send(new VerifyMacCommand(wrong)))).name).toBe("KMSInvalidMacException");
        }
      }
      const other = MacAlgorithm === "HMAC_SHA_256" ? "HMAC_SHA_512" : "HMAC_SHA_256";
      expect(
        await refusal(kms.send(new GenerateMacCommand({ KeyId: id, Message: text("m"), MacAlgorithm: other }))),
      ).toEqual({
        name: "InvalidKeyUsageException",
        message: `Algorithm ${other} is incompatible with key spec HMAC_${bits}.`,
      });
      const reserved = { KeyId: id, Message: text("\0\0\0\u0001SR1-encrypt"), MacAlgorithm };
      expect((await refusal(kms.send(new GenerateMacCommand(reserved)))).name).toBe("ValidationException");
      const dry = { KeyId: id, Message: text("m"), MacAlgorithm, DryRun: true };
      expect((await refusal(kms.send(new GenerateMacCommand(dry)))).name).toBe("DryRunOperationException");
    });
  });

  describe("shared secrets", () => {
    it.each([
      ["ECC_NIST_P256", "P-256", 32],
      ["ECC_NIST_P384", "P-384", 48],
      ["ECC_NIST_P521", "P-521", 66],
    ] as const)("by ECDH with %s are those of the other side", async (spec, namedCurve, length) => {
      if (!(await keys.served(spec, "KEY_AGREEMENT"))) return;
      const { id, arn, publicKey } = await keys.of(spec, "KEY_AGREEMENT");
      const peer = generateKeyPairSync("ec", { namedCurve });
      const PublicKey = new Uint8Array(peer.publicKey.export({ format: "der", type: "spki" }));
      const request = { KeyId: id, KeyAgreementAlgorithm: "ECDH", PublicKey } as const;
      const answer = await kms.send(new DeriveSharedSecretCommand(request));
      expect(answer).toMatchObject({ KeyId: arn, KeyAgreementAlgorithm: "ECDH", KeyOrigin: "AWS_KMS" });
      expect(answer.SharedSecret?.length).toBe(length);
      const outside = diffieHellman({ privateKey: peer.privateKey, publicKey: publicKeyOf(publicKey) });
      expect(base64(answer.SharedSecret as Uint8Array)).toBe(outside.toString("base64"));
      const pkcs8 = new Uint8Array(peer.privateKey.export({ format: "der", type: "pkcs8" }));
      const derive = "pkeyutl -derive -inkey key -keyform DER -peerkey peer -peerform DER".split(" ");
      expect(openssl(derive, { key: pkcs8, peer: publicKey })).toEqual(outside);
      const { publicKey: stranger } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
      for (const wrong of [
        stranger.export({ format: "der", type: "spki" }),
        edited(PublicKey, PublicKey.length - 1),
        text("x"),
      ]) {
        const asked = kms.send(new DeriveSharedSecretCommand({ ...request, PublicKey: wrong }));
        expect((await refusal(asked)).name).toBe("ValidationException");
      }
      const dry = kms.send(new DeriveSharedSecretCommand({ ...request, DryRun: true }));
      expect((await refusal(dry)).name).toBe("DryRunOperationException");
      const signer = await keys.of(spec, "SIGN_VERIFY");
      const unfit = kms.send(new DeriveSharedSecretCommand({ ...request, KeyId: signer.id }));
      expect(await refusal(unfit)).toEqual({
        name: "InvalidKeyUsageException",
        message: `${signer.arn} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret.`,
      });
    });

    it.each([
      ["ML_KEM_512", 768],
      ["ML_KEM_768", 1088],
      ["ML_KEM_1024", 1568],
    ] as const)("by %s are encapsulated and decapsulated, here and outside", async (spec, length) => {
      if (!(await keys.served(spec, "ENCAPSULATE_DECAPSULATE"))) return;
      const { id, arn, publicKey } = await keys.of(spec, "ENCAPSULATE_DECAPSULATE");
      const by = { KeyId: id, EncapsulationAlgorithm: "ML_KEM" } as const;
      const open = (SharedSecretCiphertextBlob: Uint8Array, DryRun = false) =>
        kms.send(new DecapsulateCommand({ ...by, SharedSecretCiphertextBlob, DryRun }));
      const made = await kms.send(new EncapsulateCommand(by));
      expect(made).toMatchObject({ KeyId: arn, EncapsulationAlgorithm: "ML_KEM" });
      expect([made.SharedSecret?.length, made.SharedSecretCiphertextBlob?.length]).toEqual([32, length]);
      const ciphertext = made.SharedSecretCiphertextBlob as Uint8Array;
      expect((await open(ciphertext)).SharedSecret).toEqual(made.SharedSecret);
      const outside = encapsulate(publicKeyOf(publicKey));
      const opened = (await open(outside.ciphertext)).SharedSecret as Uint8Array;
      expect(base64(opened)).toBe(outside.sharedKey.toString("base64"));
      const rejected = (await open(edited(ciphertext))).SharedSecret;
      expect(rejected?.length).toBe(32);
      expect(rejected).not.toEqual(made.SharedSecret);
      expect((await refusal(open(ciphertext.subarray(1)))).name).toBe("InvalidCiphertextException");
      expect((await refusal(open(ciphertext, true))).name).toBe("DryRunOperationException");
      const dry = kms.send(new EncapsulateCommand({ ...by, DryRun: true }));
      expect((await refusal(dry)).name).toBe("DryRunOperationException");
    });
  });

  describe("data key pairs", () => {
    const specs: readonly DataKeyPairSpec[] = [
      "RSA_2048",
      "RSA_3072",
      "RSA_4096",
      "ECC_NIST_P256",
      "ECC_NIST_P384",
      "ECC_NIST_P521",
      "ECC_SECG_P256K1",
      "ECC_NIST_EDWARDS25519",
      "ML_KEM_512",
      "ML_KEM_768",
      "ML_KEM_1024",
    ];

    it.each(specs)(
      "of spec %s come with a PKCS#8 that Decrypt opens",
      async (KeyPairSpec) => {
        const { id, arn } = await symmetric();
        const EncryptionContext = { purpose: "pair" };
        const pair = await kms.send(new GenerateDataKeyPairCommand({ KeyId: id, KeyPairSpec, EncryptionContext }));
        expect(pair).toMatchObject({ KeyId: arn, KeyPairSpec, KeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) });
        const opened = await kms.send(
          new DecryptCommand({ CiphertextBlob: pair.PrivateKeyCiphertextBlob, EncryptionContext }),
        );
        expect(opened.Plaintext).toEqual(pair.PrivateKeyPlaintext);
        const key = createPrivateKey({
          key: Buffer.from(pair.PrivateKeyPlaintext ?? ""),
          format: "der",
          type: "pkcs8",
        });
        const spki = createPublicKey(key).export({ format: "der", type: "spki" });
        expect(base64(spki)).toBe(base64(pair.PublicKey as Uint8Array));
        if (KeyPairSpec.startsWith("ML_KEM")) {
          const { sharedKey, ciphertext } = encapsulate(publicKeyOf(pair.PublicKey as Uint8Array));
          expect(decapsulate(key, ciphertext)).toEqual(sharedKey);
        }
        const hidden = await kms.send(new GenerateDataKeyPairWithoutPlaintextCommand({ KeyId: id, KeyPairSpec }));
        expect(hidden).not.toHaveProperty("PrivateKeyPlaintext");
        expect(hidden.PublicKey).not.toEqual(pair.PublicKey);
        const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob: hidden.PrivateKeyCiphertextBlob }));
        createPrivateKey({ key: Buffer.from(Plaintext ?? ""), format: "der", type: "pkcs8" });
      },
      60_000,
    );

    it("need a symmetric key, and SM2 a region of China", async () => {
      const rsa = await keys.of("RSA_2048", "ENCRYPT_DECRYPT");
      const unfit = new GenerateDataKeyPairCommand({ KeyId: rsa.id, KeyPairSpec: "ECC_NIST_P256" });
      expect((await refusal(kms.send(unfit))).name).toBe("InvalidKeyUsageException");
      const { id } = await symmetric();
      const sm2 = new GenerateDataKeyPairCommand({ KeyId: id, KeyPairSpec: "SM2" });
      expect((await refusal(kms.send(sm2))).name).toBe("UnsupportedOperationException");
      const china = service.client(undefined, "cn-north-1");
      const key = await new Keys(china, abilities).make("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
      const made = await china.send(new GenerateDataKeyPairCommand({ KeyId: key.id, KeyPairSpec: "SM2" }));
      expect(made.PublicKey?.length).toBe(91);
      const dry = new GenerateDataKeyPairWithoutPlaintextCommand({ KeyId: id, KeyPairSpec: "RSA_2048", DryRun: true });
      expect((await refusal(kms.send(dry))).name).toBe("DryRunOperationException");
    });
  });

  describe("the condition keys of these operations", () => {
    const deny = async (KeyId: string, Action: string, condition: string, value: string) => {
      const Principal = { AWS: `arn:aws:iam::${account}:root` };
      const allow = { Effect: "Allow", Principal, Action: "kms:*", Resource: "*" };
      const Condition = { StringEquals: { [`kms:${condition}`]: value } };
      const denial = { Effect: "Deny", Principal: "*", Action, Resource: "*", Condition };
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [allow, denial] });
      await kms.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    };

    it("decide", async () => {
      const { spec, by } = keys.signers[0] as Signer;
      const { id } = await keys.make(spec, "SIGN_VERIFY");
      const hmac = await keys.make("HMAC_256", "GENERATE_VERIFY_MAC");
      const aes = await keys.make("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
      const signing = { KeyId: id, Message: new Uint8Array(32), SigningAlgorithm: by } as const;
      await deny(id, "kms:Sign", "MessageType", "RAW");
      await expect(kms.sign(signing)).rejects.toMatchObject({ name: "AccessDeniedException" });
      await kms.sign({ ...signing, MessageType: "DIGEST" });
      await deny(id, "kms:Verify", "SigningAlgorithm", by);
      const verifying = kms.verify({ ...signing, Signature: new Uint8Array(70) });
      await expect(verifying).rejects.toMatchObject({ name: "AccessDeniedException" });
      await deny(hmac.id, "kms:*Mac", "MacAlgorithm", "HMAC_SHA_256");
      const mac = kms.generateMac({ KeyId: hmac.id, Message: text("m"), MacAlgorithm: "HMAC_SHA_256" });
      await expect(mac).rejects.toMatchObject({ name: "AccessDeniedException" });
      await deny(aes.id, "kms:GenerateDataKeyPair*", "DataKeyPairSpec", "RSA_2048");
      const pair = kms.generateDataKeyPairWithoutPlaintext({ KeyId: aes.id, KeyPairSpec: "RSA_2048" });
      await expect(pair).rejects.toMatchObject({ name: "AccessDeniedException" });
      await kms.generateDataKeyPairWithoutPlaintext({ KeyId: aes.id, KeyPairSpec: "ECC_NIST_P256" });
    });

    it("decide about shared secrets", async () => {
      if (await keys.served("ECC_NIST_P256", "KEY_AGREEMENT")) {
        const { id: KeyId } = await keys.make("ECC_NIST_P256", "KEY_AGREEMENT");
        await deny(KeyId, "kms:DeriveSharedSecret", "KeyAgreementAlgorithm", "ECDH");
        const secret = kms.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm: "ECDH", PublicKey: text("x") });
        await expect(secret).rejects.toMatchObject({ name: "AccessDeniedException" });
      }
      if (await keys.served("ML_KEM_512", "ENCAPSULATE_DECAPSULATE")) {
        const { id: KeyId } = await keys.make("ML_KEM_512", "ENCAPSULATE_DECAPSULATE");
        await deny(KeyId, "kms:Encapsulate", "EncapsulationAlgorithm", "ML_KEM");
        const encapsulated = kms.encapsulate({ KeyId, EncapsulationAlgorithm: "ML_KEM" });
        await expect(encapsulated).rejects.toMatchObject({ name: "AccessDeniedException" });
      }
    });
  });

  describe("the audit log", () => {
    it("tells of each call its algorithm, and neither message, signature nor secret", async () => {
      const { spec, by } = keys.signers[0] as Signer;
      const { id, arn } = await keys.of(spec, "SIGN_VERIFY");
      const Message = text("a message that nobody else has");
      const { Signature = new Uint8Array(0) } = await kms.sign({
        KeyId: id,
        Message,
        SigningAlgorithm: by,
      });
      const { id: aes } = await symmetric();
      const pair = await kms.generateDataKeyPair({ KeyId: aes, KeyPairSpec: "ECC_SECG_P256K1" });
      const log = readdirSync(join(home, "audit"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".jsonl"))
        .map((name) => readFileSync(join(home, "audit", name), "utf8"))
        .join("");
      const event = log.split("\n").find((line) => line.includes('"eventName":"Sign"') && line.includes(arn));
      expect(event).toContain(`"requestParameters":{"keyId":"${id}","signingAlgorithm":"${by}"}`);
      expect(event).toContain('"readOnly":true');
      const made = log
        .split("\n")
        .find((line) => line.includes('"eventName":"GenerateDataKeyPair"') && line.includes("SECG"));
      expect(made).toContain('"keyPairSpec":"ECC_SECG_P256K1"');
      for (const secret of [Message, Signature, pair.PrivateKeyPlaintext, pair.PrivateKeyCiphertextBlob]) {
        expect(log).not.toContain(base64(secret as Uint8Array).slice(0, 24));
      }
    });
  });
});
