import { randomBytes } from "node:crypto";
import { utf8 } from "../../base/bytes.ts";
import type { HsmConfig } from "../../hsm/config.ts";
import type { Hsm } from "../../hsm/hsm.ts";
import { initHsm, openHsm } from "../../hsm/index.ts";
import type { Pkcs11Hsm } from "../../hsm/pkcs11/driver.ts";
import { binding } from "../../model/encryption-context.ts";
import type { HbkKind, HbkMeta } from "../../model/hbk.ts";
import { bytes, type HsmContender } from "./contender.ts";

const algorithm = "SYMMETRIC_DEFAULT";
/** As of a request with one pair of encryption context. */
const aad = binding("1234abcd-12ab-34cd-56ef-1234567890ab", { purpose: "bench" });

/** A soft HSM in `directory`, which must not exist. */
export async function openSoft(directory: string): Promise<HsmContender> {
  const config: HsmConfig = { driver: "soft", directory, keyFile: `${directory}/key` };
  await initHsm(config);
  return contenderOf("soft HSM", await openHsm(config));
}

/** An HSM that has been initialised. Its keys are made for the occasion, and live in key tokens that nobody keeps. */
export async function contenderOf(name: string, hsm: Hsm): Promise<HsmContender> {
  const key = await hsm.generateKey(metaOf("kms-symmetric"));
  const macKey = await hsm.importKey(metaOf("sigv4"), utf8("AWS4 is not the secret of anybody at all"));
  const plaintext = new Uint8Array(randomBytes(bytes));
  const message = utf8("20261122");
  const ciphertext = await hsm.encrypt(key, algorithm, plaintext, aad);
  return {
    name,
    operations: {
      encrypt: () => hsm.encrypt(key, algorithm, plaintext, aad),
      decrypt: () => hsm.decrypt(key, algorithm, ciphertext, aad),
      "generate-data-key": () => hsm.generateDataKey(key, bytes, aad, "both"),
      mac: () => hsm.mac(macKey, message),
      ...(await signing(hsm)),
      random: () => hsm.random(bytes),
    },
    pids: () => [process.pid, ...((hsm as Partial<Pkcs11Hsm>).workerPids ?? [])],
    close: () => hsm.close(),
  };
}

/** ECDSA with P-256, where the HSM has it. */
async function signing(hsm: Hsm): Promise<HsmContender["operations"]> {
  const { keyPairs } = hsm;
  if (!keyPairs || hsm.refusal("ECC_NIST_P256", "SIGN_VERIFY") !== undefined) return {};
  const meta = { ...metaOf("kms-private"), spec: "ECC_NIST_P256", usage: "SIGN_VERIFY" } as const;
  const { ekt } = await keyPairs.generate(meta);
  const message = new Uint8Array(randomBytes(bytes));
  return { sign: () => keyPairs.sign(ekt, "ECDSA_SHA_256", message, "RAW") };
}

const metaOf = (kind: HbkKind): HbkMeta => ({
  kind,
  spec: kind === "sigv4" ? "HMAC_256" : "SYMMETRIC_DEFAULT",
  usage: kind === "sigv4" ? "INTERNAL" : "ENCRYPT_DECRYPT",
  origin: "AWS_KMS",
  account: "111122223333",
  region: "us-east-1",
  keyId: new Uint8Array(randomBytes(16)),
});
