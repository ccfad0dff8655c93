import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  privateDecrypt,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Bytes, concat, hex, uint32, utf8 } from "../../src/base/bytes.ts";
import type { Ekt } from "../../src/hsm/index.ts";
import type { HbkMeta } from "../../src/model/hbk.ts";
import type { SymmetricSpec } from "../../src/model/key-spec.ts";
import { rsaKeys } from "../rsa-keys.ts";
import { aad, algorithm, type Bench, hbkIdOf, metaOf } from "./hsm-fixture.ts";

const privateKey = rsaKeys.RSA_3072;
const spki = new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" }));
const fingerprint = createHash("sha256").update(spki).digest("hex");
const hmac = (key: Bytes, ...message: Bytes[]): Bytes =>
  createHmac("sha256", key)
    .update(concat(...message))
    .digest();

/** KBKDF by its definition: SP 800-108 §4.1, one block. */
const kbkdf = (key: Bytes, label: string, keyId: Bytes, nonce: Bytes, bits = 256): Bytes =>
  hmac(key, Uint8Array.of(0, 0, 0, 1), utf8(label), Uint8Array.of(0), keyId, nonce, uint32(bits)).subarray(0, bits / 8);

/** The bytes that every driver must agree on, made here from the definitions. */
export function formatClaims(bench: () => Bench): void {
  describe("formats", () => {
    async function materialOf(key: Ekt): Promise<Bytes> {
      const { admin } = bench();
      const { oaepHash } = await admin.transportKey();
      await admin.pinTransportKey({ spki, fingerprint, oaepHash });
      const exported = await admin.exportTo(key, { spki, fingerprint, oaepHash });
      const padding = constants.RSA_PKCS1_OAEP_PADDING;
      const kek = privateDecrypt({ key: privateKey, padding, oaepHash }, exported.subarray(0, 384));
      // The material itself, where the HSM lacks KWP.
      if (exported.length === 384) return kek;
      return createDecipheriv("id-aes256-wrap-pad", kek, Buffer.from("a65959a6", "hex")).update(exported.subarray(384));
    }

    async function exportedKey(spec: SymmetricSpec = "SYMMETRIC_DEFAULT") {
      const meta: HbkMeta = { ...metaOf("kms-symmetric"), spec };
      const key = await bench().hsm.generateKey(meta);
      return { meta, key, material: await materialOf(key) };
    }

    it("of the HBK id of symmetric keys: KBKDF(HBK, SR1-keyname, key id, 0)", async () => {
      const { meta, key, material } = await exportedKey();
      expect(material).toHaveLength(32);
      expect(hex(hbkIdOf(key))).toBe(hex(kbkdf(material, "SR1-keyname", meta.keyId, new Uint8Array(16))));
      const index = metaOf("index");
      const released = await bench().hsm.generateKey(index);
      const name = kbkdf(await bench().hsm.release(released), "SR1-keyname", index.keyId, new Uint8Array(16));
      expect(hex(hbkIdOf(released))).toBe(hex(name));
    });

    it("of the HBK id of HMAC keys: SHA-256(SR1-keyname ‖ key id ‖ HMAC(4,097 zeros))", async () => {
      const meta = metaOf("sigv4");
      const key = await bench().hsm.importKey(meta, utf8("AWS4secret"));
      const committed = concat(utf8("SR1-keyname"), meta.keyId, hmac(utf8("AWS4secret"), new Uint8Array(4097)));
      expect(hex(hbkIdOf(key))).toBe(createHash("sha256").update(committed).digest("hex"));
      // A token may keep the secret as HMAC pads it.
      expect(hex(hmac(await materialOf(key), aad))).toBe(hex(hmac(utf8("AWS4secret"), aad)));
    });

    it.each([
      ["SYMMETRIC_DEFAULT", "aes-256-gcm", "SR1-encrypt", "0101", 256],
      ["SM4", "sm4-gcm", "SR1-sm4-gcm", "0103", 128],
    ] as const)("of ciphertexts of %s: %s under KBKDF(HBK, %s, key id, N), AAD = header ‖ aad", async (...row) => {
      const [spec, cipherName, label, versionAndSuite, bits] = row;
      const { meta, key, material } = await exportedKey(spec);
      const ciphertext = await bench().hsm.encrypt(key, algorithm, utf8("plaintext"), aad);
      const [header, nonce, iv] = [
        ciphertext.subarray(0, 62),
        ciphertext.subarray(34, 50),
        ciphertext.subarray(50, 62),
      ];
      expect(hex(header.subarray(0, 34))).toBe(versionAndSuite + hex(hbkIdOf(key)));
      const callKey = kbkdf(material, label, meta.keyId, nonce, bits);
      const decipher = createDecipheriv(cipherName as "aes-256-gcm", callKey, iv).setAAD(concat(header, aad));
      decipher.setAuthTag(ciphertext.subarray(-16));
      const plaintext = concat(decipher.update(ciphertext.subarray(62, -16)), decipher.final());
      expect(hex(plaintext)).toBe(hex(utf8("plaintext")));
    });

    it("of ciphertexts that were made elsewhere, but of none that names another HBK", async () => {
      const { meta, key, material } = await exportedKey();
      const other = await bench().hsm.generateKey(meta);
      const forge = (hbkId: Bytes): Bytes => {
        const [nonce, iv] = [new Uint8Array(16).fill(1), new Uint8Array(12).fill(2)];
        const header = concat(Uint8Array.of(1, 1), hbkId, nonce, iv);
        const callKey = kbkdf(material, "SR1-encrypt", meta.keyId, nonce);
        const cipher = createCipheriv("aes-256-gcm", callKey, iv).setAAD(concat(header, aad));
        return concat(header, cipher.update(utf8("plaintext")), cipher.final(), cipher.getAuthTag());
      };
      expect(await bench().hsm.decrypt(key, algorithm, forge(hbkIdOf(key)), aad)).toEqual(utf8("plaintext"));
      expect(await bench().hsm.decrypt(key, algorithm, forge(hbkIdOf(other)), aad)).toBeNull();
    });
  });
}
