import pkcs11js from "pkcs11js";
import { type Bytes, fromHex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { HbkMeta, HbkUsage } from "../../../model/hbk.ts";
import type { HbkSpec, KeyUsage } from "../../../model/key-spec.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { used } from "./wrapping.ts";

/** A curve as PKCS#11 and OpenSSL call it. */
export interface Curve {
  /** DER of the object identifier: CKA_EC_PARAMS. */
  readonly params: Bytes;
  readonly name: string;
  /** Of a coordinate, in bytes. */
  readonly length: number;
}

/** SEC 2 §2. */
export const curves: { readonly [Spec in HbkSpec]?: Curve } = {
  ECC_NIST_P256: { params: fromHex("06082a8648ce3d030107"), name: "prime256v1", length: 32 },
  ECC_NIST_P384: { params: fromHex("06052b81040022"), name: "secp384r1", length: 48 },
  ECC_NIST_P521: { params: fromHex("06052b81040023"), name: "secp521r1", length: 66 },
  ECC_SECG_P256K1: { params: fromHex("06052b8104000a"), name: "secp256k1", length: 32 },
};

export function curveOf(spec: HbkSpec): Curve {
  const curve = curves[spec];
  if (!curve) throw new HsmError("unsupported", `The PKCS#11 driver has no ${spec} key pairs.`);
  return curve;
}

/** 65537. */
const publicExponent = Uint8Array.of(1, 0, 1);

const noPrivateUse = { decrypt: false, sign: false, unwrap: false, derive: false } as const;

/** The one thing that a private key of a usage does in a token. */
const uses: Partial<Record<HbkUsage, Attributes>> = {
  SIGN_VERIFY: { sign: true },
  ENCRYPT_DECRYPT: { decrypt: true },
  KEY_AGREEMENT: { derive: true },
  // Of material that is imported.
  INTERNAL: { unwrap: true },
};

/** NSS tries each new pair by them. */
const publicUses: Partial<Record<KeyUsage, Attributes>> = {
  SIGN_VERIFY: { verify: true },
  ENCRYPT_DECRYPT: { encrypt: true },
};
const noPublicUse = { encrypt: false, verify: false, wrap: false } as const;

export const isRsa = (spec: HbkSpec): boolean => spec.startsWith("RSA_");

function privateKey({ spec, usage }: Pick<HbkMeta, "spec" | "usage">): Attributes {
  return {
    class: pkcs11js.CKO_PRIVATE_KEY,
    keyType: isRsa(spec) ? pkcs11js.CKK_RSA : pkcs11js.CKK_EC,
    token: false,
    private: true,
    ...noPrivateUse,
    ...uses[usage],
    sensitive: true,
  };
}

/** Whether the HBK is a private key: one of a KMS key, or one that unwraps what is imported. */
export const isPrivate = ({ kind, spec }: Pick<HbkMeta, "kind" | "spec">): boolean =>
  kind === "kms-private" || (kind === "import" && isRsa(spec));

/** An HBK as it is used. */
export const usedAs = (meta: HbkMeta): Attributes =>
  isPrivate(meta) ? { ...privateKey(meta), extractable: false } : used;

/** What names a private key of an elliptic curve is derived from it: public-key.ts. */
export const needsDerivation = ({ kind, spec }: Pick<HbkMeta, "kind" | "spec">): boolean =>
  kind === "kms-private" && !isRsa(spec);

/** As it is used, and named besides. */
export const namedAs = (meta: HbkMeta): Attributes => ({
  ...usedAs(meta),
  ...(needsDerivation(meta) && { derive: true }),
});

/** For the moment in which a private key goes under another wrapping key; it stays unreadable. */
export const movingPrivate = (meta: Pick<HbkMeta, "spec" | "usage">): Attributes => ({
  ...namedAs({ ...meta, kind: "kms-private" } as HbkMeta),
  extractable: true,
});

/** How the token makes a pair, whose private key may be moved. */
export function generationOf(meta: Pick<HbkMeta, "spec" | "usage">): {
  mechanism: number;
  publicKey: Attributes;
  privateKey: Attributes;
} {
  const publicKey = { token: false, private: false, ...noPublicUse, ...publicUses[meta.usage as KeyUsage] };
  // Class and type follow from the mechanism; some modules take no others, and some none at all.
  const { class: _, keyType: __, ...attributes } = movingPrivate(meta);
  if (isRsa(meta.spec)) {
    return {
      mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN,
      publicKey: { ...publicKey, modulusBits: bitsOf(meta.spec), publicExponent },
      privateKey: attributes,
    };
  }
  return {
    mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN,
    publicKey: { ...publicKey, ecParams: curveOf(meta.spec).params },
    privateKey: attributes,
  };
}

/** Of an RSA modulus. */
export const bitsOf = (spec: HbkSpec): number => Number(spec.slice("RSA_".length));
