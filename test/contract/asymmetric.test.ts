import {
  constants,
  createHash,
  generateKeyPairSync,
  randomBytes,
  sign as signWith,
  verify as verifyWith,
} from "node:crypto";
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  GetPublicKeyCommand,
  type KeySpec,
  type KeyUsageType,
  type KMS,
  ListKeyRotationsCommand,
  type MessageType,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  type SigningAlgorithmSpec,
  UpdateAliasCommand,
  VerifyCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Signatures } from "../../src/engine/native/signatures.ts";
import { type Abilities, abilitiesOf } from "./abilities.ts";
import { digestOf, edited, type Key, Keys, openssl, publicKeyOf, refusal, type Signer, text } from "./asymmetric.ts";
import { hsmChoices } from "./hsms.ts";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

const rsaSigning = [
  "RSASSA_PKCS1_V1_5_SHA_256",
  "RSASSA_PKCS1_V1_5_SHA_384",
  "RSASSA_PKCS1_V1_5_SHA_512",
  "RSASSA_PSS_SHA_256",
  "RSASSA_PSS_SHA_384",
  "RSASSA_PSS_SHA_512",
] as const;
const oaep = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];

/** The Developer Guide's matrix outside of China: spec, usage, the member that lists the algorithms, and the list. */
const matrix: readonly (readonly [KeySpec, KeyUsageType, string, readonly string[]])[] = [
  ["RSA_2048", "SIGN_VERIFY", "SigningAlgorithms", rsaSigning],
  ["RSA_3072", "SIGN_VERIFY", "SigningAlgorithms", rsaSigning],
  ["RSA_4096", "SIGN_VERIFY", "SigningAlgorithms", rsaSigning],
  ["RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", oaep],
  ["RSA_3072", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", oaep],
  ["RSA_4096", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", oaep],
  ["ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]],
  ["ECC_NIST_P384", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_384"]],
  ["ECC_NIST_P521", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_512"]],
  ["ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]],
  ["ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "SigningAlgorithms", ["ED25519_SHA_512", "ED25519_PH_SHA_512"]],
  ["ML_DSA_44", "SIGN_VERIFY", "SigningAlgorithms", ["ML_DSA_SHAKE_256"]],
  ["ML_DSA_65", "SIGN_VERIFY", "SigningAlgorithms", ["ML_DSA_SHAKE_256"]],
  ["ML_DSA_87", "SIGN_VERIFY", "SigningAlgorithms", ["ML_DSA_SHAKE_256"]],
  ["ECC_NIST_P256", "KEY_AGREEMENT", "KeyAgreementAlgorithms", ["ECDH"]],
  ["ECC_NIST_P384", "KEY_AGREEMENT", "KeyAgreementAlgorithms", ["ECDH"]],
  ["ECC_NIST_P521", "KEY_AGREEMENT", "KeyAgreementAlgorithms", ["ECDH"]],
  ["HMAC_224", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_224"]],
  ["HMAC_256", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_256"]],
  ["HMAC_384", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_384"]],
  ["HMAC_512", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_512"]],
  ["ML_KEM_512", "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms", ["ML_KEM"]],
  ["ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms", ["ML_KEM"]],
  ["ML_KEM_1024", "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms", ["ML_KEM"]],
];
const lists = [...new Set(matrix.map(([, , list]) => list))];
const signing = matrix
  .filter(([, usage]) => usage === "SIGN_VERIFY")
  .flatMap(([spec, , , algorithms]) => algorithms.map((by) => [spec, by as SigningAlgorithmSpec] as const));

describe.each(hsmChoices)("over %s", (hsm) => {
  const home = temporaryHome();
  let service: Service;
  let kms: KMS;
  let keys: Keys;
  let abilities: Abilities;
  let signer: Signer;

  beforeAll(async () => {
    service = await startService(home, hsm, ["--region", "us-east-1", "--region", "cn-north-1"]);
    kms = service.client();
    abilities = await abilitiesOf(home);
    keys = new Keys(kms, abilities);
    signer = keys.signers[0] as Signer;
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  describe("keys of every spec", () => {
    it.each(matrix)(
      "%s for %s are made and described as AWS does, or refused with the reason",
      async (spec, usage, list, algorithms) => {
        if (!(await keys.served(spec, usage))) return;
        const { id, arn, publicKey } = await keys.of(spec, usage);
        const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
        expect(KeyMetadata).toMatchObject({ KeySpec: spec, CustomerMasterKeySpec: spec, KeyUsage: usage, Arn: arn });
        for (const name of lists) {
          const listed = KeyMetadata?.[name as "SigningAlgorithms"];
          expect(listed && [...listed].sort(), name).toEqual(name === list ? [...algorithms].sort() : undefined);
        }
        expect(KeyMetadata).not.toHaveProperty("CurrentKeyMaterialId");
        if (publicKey.length === 0) {
          const asked = refusal(kms.send(new GetPublicKeyCommand({ KeyId: id })));
          return expect((await asked).name).toBe("UnsupportedOperationException");
        }
        const answer = await kms.send(new GetPublicKeyCommand({ KeyId: arn }));
        expect(answer).toMatchObject({ KeyId: arn, KeySpec: spec, CustomerMasterKeySpec: spec, KeyUsage: usage });
        expect(answer[list as "SigningAlgorithms"]).toEqual(KeyMetadata?.[list as "SigningAlgorithms"]);
        expect(answer.PublicKey).toEqual(publicKey);
        expect(publicKeyOf(publicKey).export({ format: "der", type: "spki" }).equals(publicKey)).toBe(true);
      },
      60_000,
    );

    it("exist for no other usage", async () => {
      const usages = [...new Set(matrix.map(([, usage]) => usage))];
      for (const spec of new Set(matrix.map(([name]) => name))) {
        for (const usage of usages.filter((name) => !matrix.some(([s, u]) => s === spec && u === name))) {
          expect(await refusal(kms.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage: usage })))).toEqual({
            name: "ValidationException",
            message: `KeyUsage ${usage} is not compatible with KeySpec ${spec}`,
          });
        }
      }
      expect(await refusal(kms.send(new CreateKeyCommand({ KeySpec: "RSA_2048" })))).toEqual({
        name: "ValidationException",
        message: "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
      });
    });

    it("do not rotate", async () => {
      const { id } = await keys.of(signer.spec, "SIGN_VERIFY");
      for (const command of [
        new EnableKeyRotationCommand({ KeyId: id }),
        new RotateKeyOnDemandCommand({ KeyId: id }),
        new ListKeyRotationsCommand({ KeyId: id }),
      ]) {
        expect((await refusal(kms.send(command as EnableKeyRotationCommand))).name).toBe(
          "UnsupportedOperationException",
        );
      }
      expect((await kms.send(new GetKeyRotationStatusCommand({ KeyId: id }))).KeyRotationEnabled).toBe(false);
    });

    it("take over an alias from a key of their type and usage", async () => {
      const [one, other] = await Promise.all(
        keys.signers.slice(0, 2).map(({ spec }) => keys.of(spec, "SIGN_VERIFY")) as [Promise<Key>, Promise<Key>],
      );
      const encrypting = await keys.of("RSA_2048", "ENCRYPT_DECRYPT");
      const AliasName = "alias/signer";
      await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: one.id }));
      await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: other.id }));
      expect((await kms.send(new GetPublicKeyCommand({ KeyId: AliasName }))).PublicKey).toEqual(other.publicKey);
      const moving = kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: encrypting.id }));
      expect((await refusal(moving)).name).toBe("KMSInvalidStateException");
    });
  });

  describe("signatures", () => {
    const message = new Uint8Array(randomBytes(1000));
    const hashOf = (by: string): string => `sha${by.slice(-3)}`;

    const sign = async (KeyId: string, by: SigningAlgorithmSpec, Message: Uint8Array, MessageType?: MessageType) => {
      const answer = await kms.send(
        new SignCommand({ KeyId, Message, SigningAlgorithm: by, ...(MessageType && { MessageType }) }),
      );
      expect(answer.SigningAlgorithm).toBe(by);
      return answer.Signature as Uint8Array;
    };
    const verify = (
      KeyId: string,
      by: SigningAlgorithmSpec,
      Message: Uint8Array,
      MessageType: MessageType,
      Signature: Uint8Array,
    ) => kms.send(new VerifyCommand({ KeyId, Message, MessageType, Signature, SigningAlgorithm: by }));

    /** Whether node:crypto takes the signature over the whole message. */
    function nodeVerifies(spki: Uint8Array, by: string, signature: Uint8Array): boolean {
      const key = publicKeyOf(spki);
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const options = by.startsWith("RSASSA_PSS") ? { padding, saltLength: Number(by.slice(-3)) / 8 } : {};
      const hash = by.startsWith("ED25519") || by.startsWith("ML_DSA") ? null : hashOf(by);
      return verifyWith(hash, message, { key, ...options }, signature);
    }

    /** Whether openssl(1) takes it; version 3.0 does not know ML-DSA. */
    function opensslVerifies(spki: Uint8Array, by: string, signature: Uint8Array): boolean {
      const files = { key: spki, message, signature };
      const common = ["-verify", "-pubin", "-inkey", "key", "-keyform", "DER", "-rawin", "-in", "message"];
      const digest = by.startsWith("ED25519") ? [] : ["-digest", hashOf(by)];
      const pss = by.startsWith("RSASSA_PSS")
        ? ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
        : [];
      const args = ["pkeyutl", ...common, ...digest, ...pss, "-sigfile", "signature"];
      return openssl(args, files).includes("Verified Successfully");
    }

    it.each(signing.filter(([, by]) => by !== "ED25519_PH_SHA_512"))(
      "by %s and %s over a message verify outside, and here",
      async (spec, by) => {
        if (!(await keys.served(spec, "SIGN_VERIFY"))) return;
        const { id, publicKey } = await keys.of(spec, "SIGN_VERIFY");
        const signature = await sign(id, by, message);
        expect(nodeVerifies(publicKey, by, signature)).toBe(true);
        if (!by.startsWith("ML_DSA")) expect(opensslVerifies(publicKey, by, signature)).toBe(true);
        expect(await verify(id, by, message, "RAW", signature)).toMatchObject({
          SignatureValid: true,
          SigningAlgorithm: by,
        });
        for (const [signed, wrong] of [
          [edited(message), signature],
          [message, edited(signature, signature.length - 1)],
          [message, signature.subarray(1)],
        ] as const) {
          expect(await refusal(verify(id, by, signed, "RAW", wrong))).toEqual({
            name: "KMSInvalidSignatureException",
            // What the SDK says of a message that is empty.
            message: "UnknownError",
          });
        }
      },
      60_000,
    );

    it.each(signing.filter(([, by]) => /^(RSASSA|ECDSA)/.test(by)))(
      "by %s and %s over a digest are those of the message: the digest is not hashed again",
      async (spec, by) => {
        if (!(await keys.served(spec, "SIGN_VERIFY"))) return;
        const { id, publicKey } = await keys.of(spec, "SIGN_VERIFY");
        const digest = digestOf(hashOf(by), message);
        const signature = await sign(id, by, digest, "DIGEST");
        expect(nodeVerifies(publicKey, by, signature)).toBe(true);
        expect(opensslVerifies(publicKey, by, signature)).toBe(true);
        await verify(id, by, message, "RAW", signature);
        await verify(id, by, digest, "DIGEST", await sign(id, by, message, "RAW"));
        expect((await refusal(verify(id, by, digest, "RAW", signature))).name).toBe("KMSInvalidSignatureException");
        const other = verify(id, by, edited(digest), "DIGEST", signature);
        expect((await refusal(other)).name).toBe("KMSInvalidSignatureException");
      },
      60_000,
    );

    it.each(["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"] as const)(
      "by %s over mu are those of the message",
      async (spec) => {
        if (!(await keys.served(spec, "SIGN_VERIFY"))) return;
        const { id, publicKey } = await keys.of(spec, "SIGN_VERIFY");
        const shake = (...parts: Uint8Array[]): Uint8Array => {
          const hash = createHash("shake256", { outputLength: 64 });
          for (const part of parts) hash.update(part);
          return new Uint8Array(hash.digest());
        };
        // FIPS 204, algorithm 7 line 6 and algorithm 2 line 10: tr ‖ 0 ‖ |ctx| ‖ M; the SPKI ends with the public key.
        const length = { ML_DSA_44: 1312, ML_DSA_65: 1952, ML_DSA_87: 2592 }[spec];
        const mu = shake(shake(publicKey.subarray(-length)), Uint8Array.of(0, 0), message);
        const signature = await sign(id, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU");
        expect(nodeVerifies(publicKey, "ML_DSA_SHAKE_256", signature)).toBe(true);
        await verify(id, "ML_DSA_SHAKE_256", message, "RAW", signature);
        await verify(id, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU", await sign(id, "ML_DSA_SHAKE_256", message));
      },
    );

    it.each(["ECC_NIST_EDWARDS25519"] as const)(
      "of Ed25519ph by %s are over the hash of the digest given",
      async (spec) => {
        if (!(await keys.served(spec, "SIGN_VERIFY"))) return;
        const { id, publicKey } = await keys.of(spec, "SIGN_VERIFY");
        const digest = digestOf("sha512", message);
        const signature = await sign(id, "ED25519_PH_SHA_512", digest, "DIGEST");
        await verify(id, "ED25519_PH_SHA_512", digest, "DIGEST", signature);
        const outside = new Signatures();
        expect(outside.verify("ED25519_PH_SHA_512", publicKey, digestOf("sha512", digest), signature)).toBe(true);
        expect(outside.verify("ED25519_PH_SHA_512", publicKey, digest, signature)).toBe(false);
        const plain = await sign(id, "ED25519_SHA_512", digest);
        const crossed = verify(id, "ED25519_PH_SHA_512", digest, "DIGEST", plain);
        expect((await refusal(crossed)).name).toBe("KMSInvalidSignatureException");
      },
    );

    it("made outside do not verify here", async () => {
      const { id, publicKey } = await keys.of(signer.spec, "SIGN_VERIFY");
      const isRsa = publicKeyOf(publicKey).asymmetricKeyType === "rsa";
      const stranger = isRsa
        ? generateKeyPairSync("rsa", { modulusLength: Number(signer.spec.slice(-4)) })
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
      const signature = new Uint8Array(signWith("sha256", message, stranger.privateKey));
      const asked = verify(id, signer.by, message, "RAW", signature);
      expect((await refusal(asked)).name).toBe("KMSInvalidSignatureException");
    });

    it.each([
      ["ECC_NIST_P256", "ECDSA_SHA_256", [1, 31, 33, 64]],
      ["ECC_NIST_P384", "ECDSA_SHA_384", [32, 47, 64]],
      ["RSA_2048", "RSASSA_PSS_SHA_512", [32, 48, 65]],
      ["ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", [32, 63, 65]],
      ["ML_DSA_44", "ML_DSA_SHAKE_256", [32, 63, 65]],
    ] as const)("by %s and %s refuse digests of other lengths", async (spec, by, lengths) => {
      if (!(await keys.served(spec, "SIGN_VERIFY"))) return;
      const { id } = await keys.of(spec, "SIGN_VERIFY");
      const type = by === "ML_DSA_SHAKE_256" ? "EXTERNAL_MU" : "DIGEST";
      for (const length of lengths) {
        const wanted = { name: "ValidationException", message: `Digest is invalid length for algorithm ${by}.` };
        expect(await refusal(sign(id, by, new Uint8Array(length), type))).toEqual(wanted);
        expect(await refusal(verify(id, by, new Uint8Array(length), type, new Uint8Array(64)))).toEqual(wanted);
      }
    });

    it.each([
      ["ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "DIGEST"],
      ["ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "EXTERNAL_MU"],
      ["ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", "RAW"],
      ["ML_DSA_44", "ML_DSA_SHAKE_256", "DIGEST"],
      ["ECC_NIST_P256", "ECDSA_SHA_256", "EXTERNAL_MU"],
      ["RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", "EXTERNAL_MU"],
    ] as const)("by %s and %s take no message of type %s", async (spec, by, type) => {
      if (!(await keys.served(spec, "SIGN_VERIFY"))) return;
      const { id } = await keys.of(spec, "SIGN_VERIFY");
      expect((await refusal(sign(id, by, new Uint8Array(64), type))).name).toBe("ValidationException");
    });

    it("need an algorithm of the key's spec, and a key for signing", async () => {
      const { spec, by, foreign } = signer;
      const [own, rsa] = [await keys.of(spec, "SIGN_VERIFY"), await keys.of("RSA_2048", "ENCRYPT_DECRYPT")];
      expect(await refusal(sign(own.id, foreign, message))).toEqual({
        name: "InvalidKeyUsageException",
        message: `Algorithm ${foreign} is incompatible with key spec ${spec}.`,
      });
      expect(await refusal(sign(rsa.id, "RSASSA_PSS_SHA_256", message))).toEqual({
        name: "InvalidKeyUsageException",
        message: `${rsa.arn} key usage is ENCRYPT_DECRYPT which is not valid for Sign.`,
      });
      expect((await refusal(sign(own.id, by, new Uint8Array(4097)))).name).toBe("ValidationException");
    });

    it("are none of a dry run, of a key that is disabled, or pending deletion", async () => {
      const { id, arn } = await keys.make(signer.spec, "SIGN_VERIFY");
      const request = { KeyId: id, Message: message, SigningAlgorithm: signer.by } as const;
      const Signature = new Uint8Array(70);
      for (const command of [
        new SignCommand({ ...request, DryRun: true }),
        new VerifyCommand({ ...request, Signature, DryRun: true }),
      ]) {
        expect((await refusal(kms.send(command as SignCommand))).name).toBe("DryRunOperationException");
      }
      await kms.send(new DisableKeyCommand({ KeyId: id }));
      expect(await refusal(kms.send(new SignCommand(request)))).toEqual({
        name: "DisabledException",
        message: `${arn} is disabled.`,
      });
      await kms.send(new GetPublicKeyCommand({ KeyId: id }));
      await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }));
      expect((await refusal(kms.send(new SignCommand(request)))).name).toBe("KMSInvalidStateException");
      expect((await refusal(kms.send(new GetPublicKeyCommand({ KeyId: id })))).name).toBe("KMSInvalidStateException");
    });
  });

  describe("SM2", () => {
    it("keys are for China, and sign by SM2DSA with SM3 and the default id", async () => {
      if (!(await keys.served("SM2", "SIGN_VERIFY"))) return;
      expect((await refusal(keys.make("SM2", "SIGN_VERIFY"))).name).toBe("UnsupportedOperationException");
      const china = service.client(undefined, "cn-north-1");
      const { id, arn, publicKey } = await new Keys(china, abilities).make("SM2", "SIGN_VERIFY");
      expect(arn).toMatch(/^arn:aws-cn:kms:cn-north-1:/);
      const [message, by] = [text("GB/T 32918"), { KeyId: id, SigningAlgorithm: "SM2DSA" } as const];
      const { Signature = new Uint8Array(0) } = await china.send(new SignCommand({ ...by, Message: message }));
      const verified = openssl(
        "pkeyutl -verify -pubin -inkey key -keyform DER -rawin -in message -digest sm3 -sigfile signature -pkeyopt distid:1234567812345678".split(
          " ",
        ),
        { key: publicKey, message, signature: Signature },
      );
      expect(verified.toString()).toContain("Verified Successfully");
      await china.send(new VerifyCommand({ ...by, Message: message, Signature }));
      const wrong = china.send(new VerifyCommand({ ...by, Message: edited(message), Signature }));
      expect((await refusal(wrong)).name).toBe("KMSInvalidSignatureException");
    });

    it("keys agree on a secret, in China", async () => {
      if (!(await keys.served("SM2", "KEY_AGREEMENT"))) return;
      const china = service.client(undefined, "cn-north-1");
      const made = new Keys(china, abilities);
      const [one, other] = [await made.make("SM2", "KEY_AGREEMENT"), await made.make("SM2", "KEY_AGREEMENT")];
      const derive = (KeyId: string, PublicKey: Uint8Array) =>
        china.send(new DeriveSharedSecretCommand({ KeyId, KeyAgreementAlgorithm: "ECDH", PublicKey }));
      const { SharedSecret } = await derive(one.id, other.publicKey);
      expect(SharedSecret).toHaveLength(32);
      expect((await derive(other.id, one.publicKey)).SharedSecret).toEqual(SharedSecret);
      const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const foreign = derive(one.id, publicKey.export({ type: "spki", format: "der" }));
      expect((await refusal(foreign)).name).toBe("ValidationException");
    });
  });
});
