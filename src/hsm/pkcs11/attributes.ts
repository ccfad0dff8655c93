import pkcs11js from "pkcs11js";
import type { Bytes } from "../../base/bytes.ts";

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
};
const texts = { label: pkcs11js.CKA_LABEL, application: pkcs11js.CKA_APPLICATION };
const octets = {
  id: pkcs11js.CKA_ID,
  value: pkcs11js.CKA_VALUE,
  modulus: pkcs11js.CKA_MODULUS,
  publicExponent: pkcs11js.CKA_PUBLIC_EXPONENT,
};
const types: Record<string, number> = { ...numbers, ...booleans, ...texts, ...octets };

export type Attributes = { readonly [Name in keyof typeof numbers]?: number } & {
  readonly [Name in keyof typeof booleans]?: boolean;
} & { readonly [Name in keyof typeof texts]?: string } & { readonly [Name in keyof typeof octets]?: Bytes };
export type AttributeName = keyof Attributes;

/**
 * The template in the form that pkcs11js takes. Every type and value is checked here: pkcs11js 2.1.7 crashes the process
 * on an attribute whose type is undefined or whose value is an object.
 */
export function templateOf(attributes: Attributes): pkcs11js.Template {
  return Object.entries(attributes).map(([name, value]) => {
    const ok =
      name in numbers
        ? Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff
        : name in booleans
          ? typeof value === "boolean"
          : name in texts
            ? typeof value === "string"
            : value instanceof Uint8Array && value.length > 0;
    if (!ok) throw new TypeError(`the attribute ${name} is not of its type`);
    return { type: attributeType(name), value: value instanceof Uint8Array ? asBuffer(value) : value };
  });
}

export function attributeType(name: string): number {
  const type = types[name];
  if (type === undefined) throw new TypeError(`there is no attribute ${name}`);
  return type;
}

export function attributeValue(name: AttributeName, raw: Buffer): number | boolean | string | Bytes {
  // CK_ULONG: 8 octets, little-endian, on every platform that this runs on. None of these exceeds 32 bits.
  if (name in numbers) return raw.readUInt32LE(0);
  if (name in booleans) return raw[0] === 1;
  return name in texts ? raw.toString("utf8") : raw;
}

/** The same memory as a Buffer; never zero-length, which pkcs11js turns into a null pointer. */
export const asBuffer = (bytes: Bytes): Buffer =>
  bytes.length === 0 ? Buffer.alloc(1).subarray(0, 0) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
