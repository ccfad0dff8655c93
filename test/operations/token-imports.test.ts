import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../src/base/bytes.ts";
import { KmsError } from "../../src/base/errors.ts";
import { initHsm } from "../../src/hsm/index.ts";
import { provisionSoftHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import type { KeySpec, WrappingAlgorithm } from "../../src/model/key-spec.ts";
import { rsaKeys } from "../rsa-keys.ts";
import { type Answer, type Office, openOffice, refused } from "./office.ts";
import { base64, importOf, parametersOf } from "./wrapping-client.ts";

const text = utf8("text");
const der = (key: KeyObject, type: "pkcs8" | "spki"): Bytes => new Uint8Array(key.export({ format: "der", type }));

describe("key material that is imported into a SoftHSM2 token", () => {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-token-imports-"));
  let office: Office;

  beforeAll(async () => {
    const hsm = await provisionSoftHsm2(join(folder, "token"), "imports");
    await initHsm(hsm);
    office = await openOffice({}, "us-east-1", [{ name: "token", hsm, specs: "default" }]);
  }, 60_000);
  afterAll(async () => {
    await office.close();
    rmSync(folder, { recursive: true });
  });

  const newKey = (KeySpec: KeySpec, KeyUsage: string) => office.newKey({ Origin: "EXTERNAL", KeySpec, KeyUsage });
  const bring = async (KeyId: string, material: Bytes, algorithm: WrappingAlgorithm = "RSAES_OAEP_SHA_1") => {
    const parameters = await parametersOf(office.admin, KeyId, algorithm);
    return office.admin("ImportKeyMaterial", importOf(KeyId, parameters, material, {}, algorithm));
  };

  it("encrypts, goes, and alone comes back under its name", async () => {
    const KeyId = await newKey("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    const { KeyMaterialId } = await bring(KeyId, new Uint8Array(32).fill(1));
    const { CiphertextBlob } = await office.admin("Encrypt", { KeyId, Plaintext: base64(text) });
    await office.admin("DeleteImportedKeyMaterial", { KeyId });
    const decrypt = (): Promise<Answer> => office.admin("Decrypt", { CiphertextBlob: base64(CiphertextBlob) });
    expect(await refused(decrypt())).toBe("KMSInvalidStateException");
    expect(await refused(bring(KeyId, new Uint8Array(32).fill(2)))).toBe("IncorrectKeyMaterialException");
    expect(await refused(bring(KeyId, new Uint8Array(31).fill(1)))).toBe("IncorrectKeyMaterialException");
    expect(await bring(KeyId, new Uint8Array(32).fill(1))).toMatchObject({ KeyMaterialId });
    expect(new Uint8Array((await decrypt())["Plaintext"])).toEqual(text);
  });

  it("computes the MAC that it computes elsewhere", async () => {
    const KeyId = await newKey("HMAC_384", "GENERATE_VERIFY_MAC");
    const material = new Uint8Array(128).fill(3);
    await bring(KeyId, material);
    const { Mac } = await office.admin("GenerateMac", { KeyId, MacAlgorithm: "HMAC_SHA_384", Message: base64(text) });
    expect(base64(Mac)).toBe(createHmac("sha384", material).update(text).digest("base64"));
  });

  it("is refused where SoftHSM would compute another MAC with it: its RFC 5649 leaves zeros at the end", async () => {
    const KeyId = await newKey("HMAC_256", "GENERATE_VERIFY_MAC");
    expect(await refused(bring(KeyId, new Uint8Array(100).fill(4)))).toBe("UnsupportedOperationException");
    await bring(KeyId, new Uint8Array(104).fill(4));
  });

  it.each([
    ["ECC_NIST_P256", "RSAES_OAEP_SHA_1", "ECDSA_SHA_256", () => generateKeyPairSync("ec", { namedCurve: "P-256" })],
    ["RSA_3072", "RSA_AES_KEY_WRAP_SHA_1", "RSASSA_PKCS1_V1_5_SHA_256", () => ({ privateKey: rsaKeys.RSA_3072 })],
  ] as const)("signs as the %s key that it is", async (spec, algorithm, SigningAlgorithm, make) => {
    const { privateKey } = make();
    const KeyId = await newKey(spec, "SIGN_VERIFY");
    await bring(KeyId, der(privateKey, "pkcs8"), algorithm);
    const publicKey = createPublicKey(privateKey);
    expect(new Uint8Array((await office.admin("GetPublicKey", { KeyId }))["PublicKey"])).toEqual(
      der(publicKey, "spki"),
    );
    const { Signature } = await office.admin("Sign", { KeyId, SigningAlgorithm, Message: base64(text) });
    expect(verify("sha256", text, publicKey, Signature)).toBe(true);
  });

  it("comes by what the token unwraps, and by nothing else, with the reason", async () => {
    const KeyId = await newKey("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    const failure = await parametersOf(office.admin, KeyId, "RSAES_OAEP_SHA_256").catch((error) => error);
    expect(failure).toBeInstanceOf(KmsError);
    expect(failure).toMatchObject({ code: "UnsupportedOperationException" });
    expect(failure.message).toBe(
      "The token does not unwrap SYMMETRIC_DEFAULT key material by RSAES_OAEP_SHA_256: it lacks RSA-OAEP with SHA-256.",
    );
  });
});
