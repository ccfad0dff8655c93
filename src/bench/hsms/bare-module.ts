import { randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { openEngine } from "../../engine/index.ts";
import { type Attributes, asBuffer } from "../../hsm/pkcs11/cryptoki/attributes.ts";
import type { Cryptoki, Handle } from "../../hsm/pkcs11/cryptoki/cryptoki.ts";
import { chooseToken, type TokenSelector } from "../../hsm/pkcs11/cryptoki/token-selector.ts";
import { bestOf, findWrappings, genericKey, moving, noUse, used } from "../../hsm/pkcs11/keys/wrapping.ts";
import { type BareModule, bytes } from "./contender.ts";

const aesKey: Attributes = { ...genericKey, ...noUse, keyType: pkcs11js.CKK_AES, sensitive: true, extractable: false };
/** 4 of the counter, 48 of the fixed input of KBKDF. */
const macInput = 52;
/** openCryptoki writes past a buffer that is too short. */
const output = asBuffer(new Uint8Array(512));

/**
 * The functions that a program would call, with nothing around them but pkcs11js: keys are ready as session objects, one
 * session is used again and again. `token` is logged in, in this process.
 */
export async function openBareModule(path: string, selector: TokenSelector, token: Cryptoki): Promise<BareModule> {
  const module = new pkcs11js.PKCS11();
  module.load(path);
  const session = module.C_OpenSession(slotOf(module, selector), pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  const key = (attributes: Attributes): Handle => token.create({ ...attributes, value: randomBytes(32) });

  const macKey = key(used);
  const message = randomBytes(macInput);
  const random = Buffer.alloc(bytes);
  const wrapping = bestOf(findWrappings(token, await openEngine("node")));
  const kek = key({ ...aesKey, wrap: true, unwrap: true });
  const wrapped = wrapping.wrap(kek, key(moving));
  const calls: Record<string, () => void> = {
    "C_Sign HMAC": () => {
      module.C_SignInit(session, { mechanism: pkcs11js.CKM_SHA256_HMAC }, macKey);
      module.C_Sign(session, message, output);
    },
    C_GenerateRandom: () => {
      module.C_GenerateRandom(session, random);
    },
    "C_UnwrapKey + C_DestroyObject": () => token.destroy(wrapping.unwrap(kek, wrapped, used)),
  };
  const gcm = aesGcm(module, session, key);
  const ecdsa = ecdsaP256(module, session);
  return {
    calls: { ...calls, ...ecdsa, ...gcm },
    absent: [
      ...(gcm ? [] : ["C_Encrypt, C_Decrypt: the token has no AES-GCM"]),
      ...(ecdsa ? [] : ["C_Sign ECDSA P-256: the token has no such keys"]),
    ],
  };
}

function slotOf(module: pkcs11js.PKCS11, selector: TokenSelector): Handle {
  const candidates = module.C_GetSlotList(true).map((slot) => {
    const { label, serialNumber: serial, manufacturerID: manufacturer, model } = module.C_GetTokenInfo(slot);
    return { slot, token: { label, serial, manufacturer, model, slotId: slot.readUInt32LE(0) } };
  });
  return chooseToken(candidates, selector);
}

/** DER of the OID of prime256v1. */
const p256 = Buffer.from("06082a8648ce3d030107", "hex");

/** undefined where the token has no such keys. */
function ecdsaP256(module: pkcs11js.PKCS11, session: Handle): Record<string, () => void> | undefined {
  const digest = randomBytes(32);
  try {
    const { privateKey } = module.C_GenerateKeyPair(
      session,
      { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN },
      [
        { type: pkcs11js.CKA_TOKEN, value: false },
        { type: pkcs11js.CKA_EC_PARAMS, value: p256 },
        { type: pkcs11js.CKA_VERIFY, value: true },
      ],
      [
        { type: pkcs11js.CKA_TOKEN, value: false },
        { type: pkcs11js.CKA_SIGN, value: true },
        { type: pkcs11js.CKA_SENSITIVE, value: true },
        { type: pkcs11js.CKA_EXTRACTABLE, value: false },
      ],
    );
    const sign = (): void => {
      module.C_SignInit(session, { mechanism: pkcs11js.CKM_ECDSA }, privateKey);
      module.C_Sign(session, digest, output);
    };
    sign();
    return { "C_Sign ECDSA P-256": sign };
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** "No such mechanism" has a dozen codes. */
const isRefusal = (error: unknown): boolean => /CKR_/.test((error as Error).message);

/** undefined where the token has no AES-GCM. */
function aesGcm(
  module: pkcs11js.PKCS11,
  session: Handle,
  make: (attributes: Attributes) => Handle,
): Record<string, () => void> | undefined {
  const parameter = {
    type: pkcs11js.CK_PARAMS_AES_GCM_v240,
    iv: randomBytes(12),
    ivBits: 96,
    aad: randomBytes(32),
    tagBits: 128,
  };
  const mechanism = { mechanism: pkcs11js.CKM_AES_GCM, parameter };
  try {
    const key = make({ ...aesKey, encrypt: true, decrypt: true });
    const plaintext = randomBytes(bytes);
    const encrypt = (): Buffer => {
      module.C_EncryptInit(session, mechanism, key);
      return module.C_Encrypt(session, plaintext, output);
    };
    const ciphertext = Buffer.from(encrypt());
    return {
      "C_Encrypt AES-GCM": encrypt,
      "C_Decrypt AES-GCM": () => {
        module.C_DecryptInit(session, mechanism, key);
        module.C_Decrypt(session, ciphertext, output);
      },
    };
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}
