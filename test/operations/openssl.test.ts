import { createDecipheriv, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import { openssl } from "../contract/asymmetric.ts";
import { rsaKeys } from "../rsa-keys.ts";
import { type Ask, type Office, openOffice } from "./office.ts";
import { base64, importOf, parametersOf } from "./wrapping-client.ts";

/**
 * What keys make whose material somebody else has, too, against openssl(1). Signatures, ECDH and what OpenSSL encrypts are in
 * test/contract/asymmetric*.test.ts, for every spec that has a public key.
 */
describe("openssl(1) agrees", () => {
  const message = new Uint8Array(randomBytes(1000));
  let office: Office;
  let admin: Ask;

  beforeAll(async () => {
    office = await openOffice();
    admin = office.admin;
  });
  afterAll(() => office.close());

  const imported = async (KeySpec: string, KeyUsage: string, material: Bytes): Promise<string> => {
    const arn = await office.newKey({ Origin: "EXTERNAL", KeySpec, KeyUsage });
    const algorithm = KeySpec.startsWith("RSA") ? "RSA_AES_KEY_WRAP_SHA_256" : "RSAES_OAEP_SHA_256";
    const parameters = await parametersOf(admin, arn, algorithm);
    await admin("ImportKeyMaterial", importOf(arn, parameters, material, {}, algorithm));
    return arn;
  };
  const hexOf = (bytes: Bytes): string => Buffer.from(bytes).toString("hex");

  it.each([224, 256, 384, 512])("with the MACs of HMAC_%i keys", async (bits) => {
    const material = randomBytes(64);
    const KeyId = await imported(`HMAC_${bits}`, "GENERATE_VERIFY_MAC", material);
    const request = { KeyId, Message: base64(message), MacAlgorithm: `HMAC_SHA_${bits}` };
    const { Mac } = await admin("GenerateMac", request);
    const args = ["mac", "-digest", `SHA${bits}`, "-macopt", `hexkey:${hexOf(material)}`, "-in", "message", "HMAC"];
    expect(openssl(args, { message }).toString().trim().toLowerCase()).toBe(hexOf(Mac));
  });

  it("with the key of a symmetric ciphertext, by its layout", async () => {
    const material = randomBytes(32);
    const KeyId = await imported("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", material);
    const context = { EncryptionContext: { app: "payroll" } };
    const { CiphertextBlob } = await admin("Encrypt", { KeyId, Plaintext: base64(message), ...context });
    // version 1 ‖ suite 1 ‖ HBK id 32 ‖ N 16 ‖ IV 12 ‖ ciphertext ‖ tag 16
    const [header, iv] = [CiphertextBlob.subarray(0, 62), CiphertextBlob.subarray(50, 62)];
    const id = KeyId.split("/").at(-1) as string;
    // SP 800-108 in counter mode; OpenSSL adds the zero octet and the length.
    const info = id.replaceAll("-", "") + hexOf(CiphertextBlob.subarray(34, 50));
    const options = ["mac:HMAC", "digest:SHA256", "mode:COUNTER", `hexkey:${hexOf(material)}`, "salt:SR1-encrypt"];
    const kdf = [...options, `hexinfo:${info}`].flatMap((option) => ["-kdfopt", option]);
    const key = openssl(["kdf", "-keylen", "32", "-binary", ...kdf, "KBKDF"], {});
    const counted = (text: string, width: 2 | 4): Buffer => {
      const length = Buffer.alloc(width);
      length.writeUIntBE(text.length, 0, width);
      return Buffer.concat([length, Buffer.from(text)]);
    };
    // Header ‖ key id ‖ one pair of the context.
    const binding = [counted(id, 2), Buffer.of(0, 1), counted("app", 4), counted("payroll", 4)];
    const gcm = createDecipheriv("aes-256-gcm", key, iv).setAAD(Buffer.concat([header, ...binding]));
    gcm.setAuthTag(CiphertextBlob.subarray(-16));
    const opened = Buffer.concat([gcm.update(CiphertextBlob.subarray(62, -16)), gcm.final()]);
    expect(opened.equals(message)).toBe(true);
  });

  it.each(["RSA_2048", "RSA_3072"] as const)("with what %s keys encrypt", async (spec) => {
    const key = new Uint8Array(rsaKeys[spec].export({ format: "der", type: "pkcs8" }));
    const KeyId = await imported(spec, "ENCRYPT_DECRYPT", key);
    const plaintext = message.subarray(0, 100);
    for (const hash of ["SHA_1", "SHA_256"]) {
      const EncryptionAlgorithm = `RSAES_OAEP_${hash}`;
      const request = { KeyId, Plaintext: base64(plaintext), EncryptionAlgorithm };
      const ciphertext = (await admin("Encrypt", request))["CiphertextBlob"] as Bytes;
      const oaep = `rsa_padding_mode:oaep,rsa_oaep_md:${hash.replace("_", "").toLowerCase()}`.split(",");
      const args = ["pkeyutl", "-decrypt", "-inkey", "key", "-keyform", "DER", "-in", "ciphertext"];
      const opened = openssl([...args, ...oaep.flatMap((option) => ["-pkeyopt", option])], { key, ciphertext });
      expect(opened.equals(plaintext)).toBe(true);
    }
  });
});
