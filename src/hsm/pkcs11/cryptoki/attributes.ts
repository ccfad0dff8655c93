import pkcs11js from "pkcs11js";
import { type Bytes, bufferOf, concat, utf8 } from "../../../base/bytes.ts";

const numbers = {
  class: pkcs11js.CKA_CLASS,
  keyType: pkcs11js.CKA_KEY_TYPE,
  modulusBits: pkcs11js.CKA_MODULUS_BITS,
  valueLen: pkcs11js.CKA_VALUE_LEN,
};
const booleans = {
  token: pkcs11js.CKA_TOKEN,
  private: pkcs11js.CKA_PRIVATE,
  sensitive: pkcs11js.CKA_SENSITIVE,
  extractable: pkcs11js.CKA_EXTRACTABLE,
  modifiable: pkcs11js.CKA_MODIFIABLE,
  encrypt: pkcs11js.CKA_ENCRYPT,
  decrypt: pkcs11js.CKA_DECRYPT,
  wrap: pkcs11js.CKA_WRAP,
  unwrap: pkcs11js.CKA_UNWRAP,
  sign: pkcs11js.CKA_SIGN,
  verify: pkcs11js.CKA_VERIFY,
  derive: pkcs11js.CKA_DERIVE,
  trusted: pkcs11js.CKA_TRUSTED,
  wrapWithTrusted: pkcs11js.CKA_WRAP_WITH_TRUSTED,
  local: pkcs11js.CKA_LOCAL,
  alwaysSensitive: pkcs11js.CKA_ALWAYS_SENSITIVE,
  neverExtractable: pkcs11js.CKA_NEVER_EXTRACTABLE,
};
const texts = { label: pkcs11js.CKA_LABEL, application: pkcs11js.CKA_APPLICATION };
const octets = {
  id: pkcs11js.CKA_ID,
  value: pkcs11js.CKA_VALUE,
  modulus: pkcs11js.CKA_MODULUS,
  publicExponent: pkcs11js.CKA_PUBLIC_EXPONENT,
  ecParams: pkcs11js.CKA_EC_PARAMS,
  ecPoint: pkcs11js.CKA_EC_POINT,
  /** CKA_NSS_DB: quirks.ecUnwrapWantsPublicKey */
  nssDb: 0xd5a0db00,
};
const mechanisms = { allowedMechanisms: pkcs11js.CKA_ALLOWED_MECHANISMS };
/** Templates in a template. pkcs11js cannot say those: native-cryptoki.ts does. */
const templates = { wrapTemplate: pkcs11js.CKA_WRAP_TEMPLATE, unwrapTemplate: pkcs11js.CKA_UNWRAP_TEMPLATE };
const types: Record<string, number> = {
  ...numbers,
  ...booleans,
  ...texts,
  ...octets,
  ...mechanisms,
  ...templates,
};

type FlatAttributes = { readonly [Name in keyof typeof numbers]?: number } & {
  readonly [Name in keyof typeof booleans]?: boolean;
} & { readonly [Name in keyof typeof texts]?: string } & { readonly [Name in keyof typeof octets]?: Bytes } & {
  readonly [Name in keyof typeof mechanisms]?: readonly number[];
};
export type Attributes = FlatAttributes & { readonly [Name in keyof typeof templates]?: FlatAttributes };
export type AttributeName = keyof FlatAttributes;

/**
 * The template in the form that pkcs11js takes. Every type and value is checked here: pkcs11js 2.1.7 crashes the process
 * on an attribute whose type is undefined or whose value is an object.
 */
export function templateOf(attributes: Attributes): pkcs11js.Template {
  return Object.entries(attributes).map(([name, value]) => {
    const type = attributeType(name);
    if (!isFlat(name, value)) throw notOfType(name);
    if (typeof value !== "object") return { type, value };
    return { type, value: asBuffer(value instanceof Uint8Array ? value : concat(...value.map(ulong))) };
  });
}

/** The octets of one attribute's value; those of a template are its attributes, laid out by `layOut`. */
export function attributeOctets(name: string, value: unknown, layOut: (attributes: Attributes) => Bytes): Bytes {
  if (name in templates && typeof value === "object") return layOut(value as Attributes);
  if (!isFlat(name, value)) throw notOfType(name);
  if (typeof value === "number") return ulong(value);
  if (typeof value === "boolean") return Uint8Array.of(value ? 1 : 0);
  if (typeof value === "string") return utf8(value);
  return value instanceof Uint8Array ? value : concat(...value.map(ulong));
}

type Flat = number | boolean | string | Bytes | readonly number[];

function isFlat(name: string, value: unknown): value is Flat {
  if (name in numbers) return isUint32(value);
  if (name in booleans) return typeof value === "boolean";
  if (name in texts) return typeof value === "string";
  if (name in mechanisms) return Array.isArray(value) && value.length > 0 && value.every(isUint32);
  return name in octets && value instanceof Uint8Array && value.length > 0;
}

const isUint32 = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;

/** CK_ULONG: 8 octets, little-endian, on every platform that this runs on. None of these exceeds 32 bits. */
function ulong(value: number): Bytes {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setUint32(0, value, true);
  return octets;
}

const notOfType = (name: string) => new TypeError(`the attribute ${name} is not of its type`);

export function attributeType(name: string): number {
  const type = types[name];
  if (type === undefined) throw new TypeError(`there is no attribute ${name}`);
  return type;
}

export function attributeValue(name: AttributeName, raw: Buffer): number | boolean | string | Bytes {
  if (name in numbers) return raw.readUInt32LE(0);
  if (name in booleans) return raw[0] === 1;
  return name in texts ? raw.toString("utf8") : raw;
}

/** The same memory as a Buffer; never zero-length, which pkcs11js turns into a null pointer. */
export function asBuffer(bytes: Bytes): Buffer {
  if (bytes.length === 0) return Buffer.alloc(1).subarray(0, 0);
  return bytes instanceof Buffer ? bytes : bufferOf(bytes);
}
