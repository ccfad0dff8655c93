import { execFileSync } from "node:child_process";
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concat, fromHex, hex, utf8 } from "../../../src/base/bytes.ts";
import { type DigestAlgorithm, Signatures } from "../../../src/engine/native/signatures.ts";
import { edits } from "../../conformance/engine.ts";
import { rsaKeys } from "../../rsa-keys.ts";

const signatures = new Signatures();
const message = utf8("a message that is longer than its digest, so that nobody takes one for the other by mistake");
const refusal = expect.objectContaining({ name: "HsmError", kind: "refused" });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "strongroom-signatures-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Pair {
  readonly pkcs8: Bytes;
  readonly spki: Bytes;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

function pair({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): Pair {
  const pkcs8 = new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" }));
  const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
  return { pkcs8, spki, privateKey, publicKey };
}

const digestOf = (hash: string, ...parts: readonly Bytes[]): Bytes =>
  new Uint8Array(parts.reduce((state, part) => state.update(part), createHash(hash)).digest());
const ec = (namedCurve: string) => pair(generateKeyPairSync("ec", { namedCurve }));
const rsa = (bits: 2048 | 3072 | 4096) => {
  const privateKey = rsaKeys[`RSA_${bits}`];
  return pair({ privateKey, publicKey: createPublicKey(privateKey) });
};

/** Runs openssl(1) over files named by their contents. */
function openssl(args: readonly string[], files: Readonly<Record<string, Bytes>>): Buffer {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes, { mode: 0o600 });
  return execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
}

/** Whether openssl(1) takes the signature over what is in the file `signed`. */
function opensslVerifies(spki: Bytes, signed: Bytes, signature: Bytes, ...options: readonly string[]): boolean {
  const args = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "spki", "-in", "in", "-sigfile", "sig"];
  return openssl([...args, ...options], { spki, in: signed, sig: signature }).includes("Verified Successfully");
}

describe.each([
  ["ECDSA_SHA_256", "sha256", "prime256v1"],
  ["ECDSA_SHA_384", "sha384", "secp384r1"],
  ["ECDSA_SHA_512", "sha512", "secp521r1"],
  ["ECDSA_SHA_256", "sha256", "secp256k1"],
] as const)("%s by %s on %s", (algorithm, hash, curve) => {
  const { pkcs8, spki, privateKey, publicKey } = ec(curve);
  const digest = digestOf(hash, message);

  it("is over the digest given: node:crypto and openssl(1) verify the message", () => {
    const signature = signatures.sign(algorithm, pkcs8, digest);
    expect(nodeVerify(hash, message, publicKey, signature)).toBe(true);
    expect(opensslVerifies(spki, digest, signature)).toBe(true);
  });

  it("verifies what node:crypto signed, and nothing edited", () => {
    const signature = new Uint8Array(nodeSign(hash, message, privateKey));
    expect(signatures.verify(algorithm, spki, digest, signature)).toBe(true);
    for (const edited of [...edits(signature)].filter((_, i) => i % 7 === 0)) {
      expect(signatures.verify(algorithm, spki, digest, edited)).toBe(false);
    }
    expect(signatures.verify(algorithm, spki, digest.with(0, (digest[0] as number) ^ 1), signature)).toBe(false);
    expect(signatures.verify(algorithm, spki, digest, new Uint8Array(0))).toBe(false);
  });
});

describe.each([
  ["RSASSA_PKCS1_V1_5", 2048, "sha256"],
  ["RSASSA_PKCS1_V1_5", 3072, "sha384"],
  ["RSASSA_PKCS1_V1_5", 4096, "sha512"],
  ["RSASSA_PSS", 2048, "sha256"],
  ["RSASSA_PSS", 3072, "sha384"],
  ["RSASSA_PSS", 4096, "sha512"],
] as const)("%s of %i bits with %s", (scheme, bits, hash) => {
  const algorithm: DigestAlgorithm = `${scheme}_SHA_${hash.slice(3) as "256" | "384" | "512"}`;
  const { pkcs8, spki, privateKey, publicKey } = rsa(bits);
  const digest = digestOf(hash, message);
  const options = scheme === "RSASSA_PSS" ? { padding: 6, saltLength: digest.length } : { padding: 1 };

  it("is over the digest given: node:crypto and openssl(1) verify the message", () => {
    const signature = signatures.sign(algorithm, pkcs8, digest);
    expect(nodeVerify(hash, message, { key: publicKey, ...options }, signature)).toBe(true);
    const mode = scheme === "RSASSA_PSS" ? "pss" : "pkcs1";
    const pss = mode === "pss" ? ["-pkeyopt", `rsa_pss_saltlen:${digest.length}`] : [];
    const flags = ["-pkeyopt", `rsa_padding_mode:${mode}`, "-pkeyopt", `digest:${hash}`, ...pss];
    expect(opensslVerifies(spki, digest, signature, ...flags)).toBe(true);
  });

  it("verifies what node:crypto signed, and nothing edited", () => {
    const signature = new Uint8Array(nodeSign(hash, message, { key: privateKey, ...options }));
    expect(signatures.verify(algorithm, spki, digest, signature)).toBe(true);
    for (const edited of [...edits(signature)].filter((_, i) => i % 97 === 0)) {
      expect(signatures.verify(algorithm, spki, digest, edited)).toBe(false);
    }
    expect(signatures.verify(algorithm, spki, digest.toReversed(), signature)).toBe(false);
  });
});

it("PSS signatures with a salt of another length do not verify", () => {
  const { spki, privateKey } = rsa(2048);
  const signature = nodeSign("sha256", message, { key: privateKey, padding: 6, saltLength: 20 });
  expect(signatures.verify("RSASSA_PSS_SHA_256", spki, digestOf("sha256", message), new Uint8Array(signature))).toBe(
    false,
  );
});

describe("ED25519_PH_SHA_512", () => {
  /** RFC 8032 §7.3, TEST abc */
  const seed = fromHex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
  const point = fromHex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf");
  const expected =
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406";
  const pkcs8 = concat(fromHex("302e020100300506032b657004220420"), seed);
  const spki = concat(fromHex("302a300506032b6570032100"), point);
  const digest = digestOf("sha512", utf8("abc"));

  it("is that of RFC 8032", () => {
    expect(signatures.sign("ED25519_PH_SHA_512", pkcs8, digest).toHex()).toBe(expected);
    expect(signatures.verify("ED25519_PH_SHA_512", spki, digest, fromHex(expected))).toBe(true);
    for (const edited of edits(fromHex(expected))) {
      expect(signatures.verify("ED25519_PH_SHA_512", spki, digest, edited)).toBe(false);
    }
  });

  it("is not Ed25519 over the digest", () => {
    const { spki: other, privateKey } = pair(generateKeyPairSync("ed25519"));
    const signature = new Uint8Array(nodeSign(null, digest, privateKey));
    expect(signatures.verify("ED25519_PH_SHA_512", other, digest, signature)).toBe(false);
  });
});

describe.each(["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] as const)("ML_DSA_SHAKE_256 with external mu, %s", (type) => {
  const { pkcs8, spki, privateKey, publicKey } = pair(generateKeyPairSync(type as "ml-dsa-44"));
  /** FIPS 204: mu = H(H(pk, 64) ‖ 0 ‖ |ctx| = 0 ‖ M, 64), where pk is what follows the 22 bytes that begin an SPKI */
  const shake = (...parts: readonly Bytes[]) =>
    new Uint8Array(
      createHash("shake256", { outputLength: 64 })
        .update(concat(...parts))
        .digest(),
    );
  const mu = shake(shake(spki.subarray(22)), new Uint8Array(2), message);

  it("is over the message: node:crypto verifies it", () => {
    expect(nodeVerify(null, message, publicKey, signatures.sign("ML_DSA_SHAKE_256", pkcs8, mu))).toBe(true);
  });

  it("verifies what node:crypto signed, and nothing edited", () => {
    const signature = new Uint8Array(nodeSign(null, message, privateKey));
    expect(signatures.verify("ML_DSA_SHAKE_256", spki, mu, signature)).toBe(true);
    expect(signatures.verify("ML_DSA_SHAKE_256", spki, mu.with(5, (mu[5] as number) ^ 1), signature)).toBe(false);
    for (const at of [0, 33, 1000, signature.length - 100]) {
      const edited = signature.with(at, (signature[at] as number) ^ 1);
      expect(signatures.verify("ML_DSA_SHAKE_256", spki, mu, edited)).toBe(false);
    }
    expect(signatures.verify("ML_DSA_SHAKE_256", spki, mu, signature.subarray(1))).toBe(false);
  });
});

/** GB/T 32918.5 */
const sm2 = weierstrass({
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
});

describe("SM2", () => {
  const { pkcs8, spki } = ec("SM2");
  const distid = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"];

  it("verifies the example of GM/T 0003.5", () => {
    const point =
      "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    const example = fromHex(`3059301306072a8648ce3d020106082a811ccf5501822d03420004${point}`);
    const signature = fromHex(
      "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    );
    expect(signatures.verifySm2(example, utf8("message digest"), signature)).toBe(true);
    for (const edited of [...edits(signature)].filter((_, i) => i % 5 === 0)) {
      expect(signatures.verifySm2(example, utf8("message digest"), edited)).toBe(false);
    }
  });

  it("signs under the default id: openssl(1) verifies it, and the other way round", () => {
    expect(opensslVerifies(spki, message, signatures.signSm2(pkcs8, message), ...distid)).toBe(true);
    const args = ["pkeyutl", "-sign", "-keyform", "DER", "-inkey", "pkcs8", "-in", "in", ...distid];
    const signature = new Uint8Array(openssl(args, { pkcs8, in: message }));
    expect(signatures.verifySm2(spki, message, signature)).toBe(true);
    expect(signatures.verifySm2(spki, utf8("other"), signature)).toBe(false);
  });

  it("agrees on the secret that an implementation of its own calculates", () => {
    const [own, peer] = [ec("SM2"), ec("SM2")];
    const secret = signatures.agreeSm2(own.pkcs8, peer.spki);
    expect(signatures.agreeSm2(peer.pkcs8, own.spki)).toEqual(secret);
    // The scalar of PKCS#8 stands behind 36 octets, the point of SPKI behind 26.
    const scalar = BigInt(`0x${hex(own.pkcs8.subarray(36, 68))}`);
    const { x } = sm2
      .fromHex(hex(peer.spki.subarray(26)))
      .multiply(scalar)
      .toAffine();
    expect(hex(secret as Uint8Array)).toBe(x.toString(16).padStart(64, "0"));
  });

  it("agrees with no point that is not on the curve, and with no key of another one", () => {
    const off = spki.slice();
    off[off.length - 1] = (off[off.length - 1] as number) ^ 1;
    expect(signatures.agreeSm2(pkcs8, off)).toBeNull();
    expect(signatures.agreeSm2(pkcs8, ec("prime256v1").spki)).toBeNull();
    expect(() => signatures.agreeSm2(ec("prime256v1").pkcs8, spki)).toThrow(refusal);
  });

  it("signs SM3(ZA ‖ M) like the message", () => {
    /** GB/T 32918.2 §5.5: ENTL ‖ id ‖ a ‖ b ‖ G ‖ public key; curve: GB/T 32918.5 */
    const identity = fromHex(
      "0080" +
        "31323334353637383132333435363738" +
        "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc" +
        "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93" +
        "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7" +
        "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0",
    );
    const digest = digestOf("sm3", digestOf("sm3", identity, spki.subarray(-64)), message);
    expect(signatures.verifySm2(spki, message, signatures.sign("SM2DSA", pkcs8, digest))).toBe(true);
    expect(signatures.verify("SM2DSA", spki, digest, signatures.signSm2(pkcs8, message))).toBe(true);
  });

  it.each([1, 32, 190, 1000])("encrypts %i bytes: openssl(1) decrypts them, and the other way round", (length) => {
    const plaintext = new Uint8Array(length).fill(7);
    const ciphertext = signatures.encryptSm2(spki, plaintext);
    const open = ["pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", "pkcs8", "-in", "in"];
    expect(openssl(open, { pkcs8, in: ciphertext }).toString("hex")).toBe(plaintext.toHex());
    const seal = ["pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "spki", "-in", "in"];
    const sealed = new Uint8Array(openssl(seal, { spki, in: plaintext }));
    expect(signatures.decryptSm2(pkcs8, sealed)).toEqual(plaintext);
    expect(signatures.decryptSm2(pkcs8, sealed.with(-1, (sealed.at(-1) as number) ^ 1))).toBeNull();
    expect(signatures.decryptSm2(pkcs8, new Uint8Array(length))).toBeNull();
  });
});

describe("whatever the algorithm", () => {
  const p256 = ec("prime256v1");
  const digest = digestOf("sha256", message);

  it.each(["RSASSA_PSS_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256", "SM2DSA"] as const)("%s refuses an EC key", (name) => {
    expect(() => signatures.sign(name, p256.pkcs8, digest)).toThrow(refusal);
    expect(() => signatures.verify(name, p256.spki, digest, new Uint8Array(70))).toThrow(refusal);
  });

  it("refuses keys that are no keys, or more than a key", () => {
    for (const pkcs8 of [
      new Uint8Array(0),
      new Uint8Array(100),
      p256.spki,
      p256.pkcs8.subarray(1),
      p256.pkcs8.subarray(0, -1),
      concat(p256.pkcs8, new Uint8Array(1)),
    ]) {
      expect(() => signatures.sign("ECDSA_SHA_256", pkcs8, digest)).toThrow(refusal);
      expect(() => signatures.signSm2(pkcs8, message)).toThrow(refusal);
    }
    expect(() => signatures.verify("ECDSA_SHA_256", p256.pkcs8, digest, new Uint8Array(70))).toThrow(refusal);
    expect(() => signatures.signSm2(p256.pkcs8, message)).toThrow(refusal);
    expect(() => signatures.encryptSm2(ec("brainpoolP256r1").spki, message)).toThrow(refusal);
    expect(() => signatures.sign("ECDSA_SHA_256", ec("SM2").pkcs8, digest)).toThrow(refusal);
  });

  it.each([0, 20, 31, 33, 64])("a digest of %i bytes for SHA-256 is a RangeError", (length) => {
    const wrong = new Uint8Array(length);
    expect(() => signatures.sign("ECDSA_SHA_256", p256.pkcs8, wrong)).toThrow(RangeError);
    expect(() => signatures.verify("ECDSA_SHA_256", p256.spki, wrong, new Uint8Array(70))).toThrow(RangeError);
  });

  it("failures leave nothing for node:crypto to trip over", () => {
    expect(() => signatures.sign("ECDSA_SHA_256", new Uint8Array(100), digest)).toThrow(refusal);
    const signature = nodeSign("sha256", message, p256.privateKey);
    expect(nodeVerify("sha256", message, p256.publicKey, signature)).toBe(true);
  });
});

describe("Wycheproof, over digests", () => {
  it.each([
    ["ecdsa_secp256r1_sha256", "ECDSA_SHA_256", "sha256"],
    ["ecdsa_secp384r1_sha384", "ECDSA_SHA_384", "sha384"],
    ["ecdsa_secp521r1_sha512", "ECDSA_SHA_512", "sha512"],
    ["ecdsa_secp256k1_sha256", "ECDSA_SHA_256", "sha256"],
    ["rsa_pss_2048_sha256_mgf1_32", "RSASSA_PSS_SHA_256", "sha256"],
    ["rsa_pss_4096_sha512_mgf1_64", "RSASSA_PSS_SHA_512", "sha512"],
    ["rsa_signature_2048_sha256", "RSASSA_PKCS1_V1_5_SHA_256", "sha256"],
    ["rsa_signature_4096_sha512", "RSASSA_PKCS1_V1_5_SHA_512", "sha512"],
  ] as const)("%s", (file, algorithm, hash) => {
    const path = join(import.meta.dirname, "../../vectors/wycheproof", `${file}.json`);
    const { testGroups } = JSON.parse(readFileSync(path, "utf8")) as { testGroups: Group[] };
    let checked = 0;
    for (const { publicKeyDer, tests } of testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        const digest = digestOf(hash, fromHex(msg));
        const verified = signatures.verify(algorithm, fromHex(publicKeyDer), digest, fromHex(sig));
        if (result !== "acceptable") expect(verified, `tcId ${tcId}`).toBe(result === "valid");
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(50);
  });
});

interface Group {
  readonly publicKeyDer: string;
  readonly tests: readonly { tcId: number; msg: string; sig: string; result: string }[];
}
