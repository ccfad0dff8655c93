import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Bytes, fromHex, utf8 } from "../../../src/base/bytes.ts";
import { decapsulate, encapsulate } from "../../../src/engine/asymmetric/agreement.ts";
import { Asymmetric } from "../../../src/engine/asymmetric/asymmetric.ts";
import { generateKeyPair } from "../../../src/engine/asymmetric/key-pairs.ts";
import { spkiOf } from "../../../src/engine/asymmetric/keys.ts";
import { encapsulationLength, longestPlaintext } from "../../../src/model/algorithms.ts";
import { type KeySpec, signingAlgorithms } from "../../../src/model/key-spec.ts";

const message = utf8("a message");
const random = (length: number): Bytes => new Uint8Array(randomBytes(length));
const unsupported = expect.objectContaining({ name: "HsmError", kind: "unsupported" });

const seeded: readonly KeySpec[] = [
  "ECC_NIST_P256",
  "ECC_NIST_P384",
  "ECC_NIST_P521",
  "ECC_SECG_P256K1",
  "SM2",
  "ECC_NIST_EDWARDS25519",
  "ML_DSA_44",
  "ML_DSA_65",
  "ML_DSA_87",
  "ML_KEM_512",
  "ML_KEM_768",
  "ML_KEM_1024",
];

describe("key pairs", () => {
  it.each(seeded)("of spec %s are made of the random octets and of nothing else", async (spec) => {
    const constant = (length: number) => new Uint8Array(length).fill(0x5a);
    const pair = await generateKeyPair(spec, constant);
    expect(await generateKeyPair(spec, constant)).toEqual(pair);
    expect(spkiOf(pair.privateKey)).toEqual(pair.publicKey);
    expect((await generateKeyPair(spec, random)).publicKey).not.toEqual(pair.publicKey);
  });

  /** The public key of the scalar 1 is the generator: SP 800-186, SEC 2, GB/T 32918.5. */
  it.each([
    ["ECC_NIST_P256", 32, "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"],
    [
      "ECC_NIST_P384",
      48,
      "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    ],
    [
      "ECC_NIST_P521",
      66,
      "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
    ],
    ["ECC_SECG_P256K1", 32, "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"],
    ["SM2", 32, "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"],
  ] as const)("of spec %s test scalars: 0 and those from the order on are drawn again", async (spec, length, x) => {
    const one = new Uint8Array(length);
    one[length - 1] = 1;
    const draws = [new Uint8Array(length), new Uint8Array(length).fill(0xff), orderOf(spec), one];
    const { publicKey } = await generateKeyPair(spec, () => (draws.shift() as Bytes).slice());
    expect(draws).toEqual([]);
    expect(publicKey.toHex()).toContain(`04${x}`);
  });

  it.each([2048, 3072, 4096] as const)(
    "of RSA have the modulus of their spec, and 65537",
    async (bits) => {
      const { publicKey, privateKey } = await generateKeyPair(`RSA_${bits}`, random);
      expect(spkiOf(privateKey)).toEqual(publicKey);
      expect(publicKey.toHex()).toMatch(/0203010001$/);
    },
    60_000,
  );

  it("there are none of secret keys", async () => {
    for (const spec of ["SYMMETRIC_DEFAULT", "HMAC_256"] as const) {
      await expect(generateKeyPair(spec, random)).rejects.toThrow(unsupported);
    }
  });
});

describe("without the native engine", () => {
  const asymmetric = new Asymmetric(null);

  it("whole messages are signed and verified, and nothing that node:crypto would hash once more", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ECC_NIST_P256", random);
    const signature = await asymmetric.sign("ECDSA_SHA_256", privateKey, message, "RAW");
    expect(await asymmetric.verify("ECDSA_SHA_256", publicKey, message, "RAW", signature)).toBe(true);
    const digest = new Uint8Array(32);
    await expect(asymmetric.sign("ECDSA_SHA_256", privateKey, digest, "DIGEST")).rejects.toThrow(unsupported);
    const verifying = asymmetric.verify("ECDSA_SHA_256", publicKey, digest, "DIGEST", signature);
    await expect(verifying).rejects.toThrow(/needs the native engine/);
  });

  it("says what is refused, and why", () => {
    for (const algorithm of signingAlgorithms.filter((name) => name !== "SM2DSA")) {
      expect(asymmetric.refusal(algorithm, "RAW")).toBeUndefined();
      expect(asymmetric.refusal(algorithm, "DIGEST")).toMatch(/over a message of type DIGEST needs the native engine/);
    }
    expect(asymmetric.refusal("SM2DSA", "RAW")).toMatch(/^SM2DSA needs the native engine/);
    expect(asymmetric.refusal("SM2PKE", "RAW")).toMatch(/^SM2PKE needs the native engine/);
    expect(new Asymmetric().refusal("SM2DSA", "DIGEST")).toBeUndefined();
  });
});

describe("public key encryption", () => {
  it.each([
    ["RSA_2048", "RSAES_OAEP_SHA_1", 214],
    ["RSA_2048", "RSAES_OAEP_SHA_256", 190],
    ["RSA_3072", "RSAES_OAEP_SHA_1", 342],
    ["RSA_4096", "RSAES_OAEP_SHA_256", 446],
    ["SM2", "SM2PKE", 1024],
  ] as const)(
    "by %s and %s takes %i octets",
    async (spec, algorithm, longest) => {
      const asymmetric = new Asymmetric();
      expect(longestPlaintext(spec, algorithm)).toBe(longest);
      const { privateKey, publicKey } = await generateKeyPair(spec, random);
      for (const length of [1, longest]) {
        const plaintext = random(length);
        const ciphertext = asymmetric.encrypt(algorithm, publicKey, plaintext);
        expect(asymmetric.encrypt(algorithm, publicKey, plaintext)).not.toEqual(ciphertext);
        expect(asymmetric.decrypt(algorithm, privateKey, ciphertext)).toEqual(plaintext);
      }
    },
    60_000,
  );
});

describe("octets of RSA without their leading zero", () => {
  const asymmetric = new Asymmetric();
  const beginningWithZero = async (make: () => Bytes | Promise<Bytes>): Promise<Bytes> => {
    for (;;) {
      const octets = await make();
      if (octets[0] === 0) return octets;
    }
  };

  it("are no signature", async () => {
    const { privateKey, publicKey } = await generateKeyPair("RSA_2048", random);
    const algorithm = "RSASSA_PSS_SHA_256";
    const digest = new Uint8Array(createHash("sha256").update(message).digest());
    const signature = await beginningWithZero(() => asymmetric.sign(algorithm, privateKey, message, "RAW"));
    for (const [signed, type] of [
      [message, "RAW"],
      [digest, "DIGEST"],
    ] as const) {
      expect(await asymmetric.verify(algorithm, publicKey, signed, type, signature)).toBe(true);
      expect(await asymmetric.verify(algorithm, publicKey, signed, type, signature.subarray(1))).toBe(false);
    }
  });

  it("are no ciphertext", async () => {
    const { privateKey, publicKey } = await generateKeyPair("RSA_2048", random);
    const algorithm = "RSAES_OAEP_SHA_256";
    const ciphertext = await beginningWithZero(() => asymmetric.encrypt(algorithm, publicKey, message));
    expect(asymmetric.decrypt(algorithm, privateKey, ciphertext)).toEqual(message);
    expect(asymmetric.decrypt(algorithm, privateKey, ciphertext.subarray(1))).toBeNull();
  });
});

describe("ML-KEM", () => {
  it.each(["ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"] as const)("%s agrees on 32 octets", async (spec) => {
    const { privateKey, publicKey } = await generateKeyPair(spec, random);
    const { sharedSecret, ciphertext } = await encapsulate(publicKey);
    expect(sharedSecret).toHaveLength(32);
    expect(ciphertext).toHaveLength(encapsulationLength(spec) as number);
    expect(await decapsulate(privateKey, ciphertext)).toEqual(sharedSecret);
  });
});

const orders: Partial<Record<KeySpec, string>> = {
  ECC_NIST_P256: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
  ECC_NIST_P384: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  ECC_NIST_P521:
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
  ECC_SECG_P256K1: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
  SM2: "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123",
};
const orderOf = (spec: KeySpec): Bytes => fromHex(orders[spec] as string);
