import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, concat, equalBytes, fromHex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { secretConcat, secretFrom, wipe } from "../../../base/secret.ts";
import type { Engine } from "../../../engine/engine.ts";
import { type EktSuite, ektSuites } from "../../../model/ekt.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import type { Pkcs11Wrapping } from "../../config.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { bringInKnown, letOutBy, toBeTakenOut } from "./in-the-clear.ts";
import { isReleased } from "./kept.ts";

export type WrappingName = "kwp-0x210a" | "kwp-0x210b" | "cbc-pad";
/** The best first. */
export type Wrappings = readonly Wrapping[];

/** How this token wraps one secret key under an AES key of its own, so that only that key gives it back. */
export interface Wrapping {
  readonly name: WrappingName;
  /** For people. */
  readonly description: string;
  readonly suite: EktSuite;
  readonly mechanism: number;
  wrap(kek: Handle, key: Handle): Bytes;
  unwrap(kek: Handle, wrapped: Bytes, attributes: Attributes): Handle;
}

/**
 * RFC 5649, under one of its two numbers: CKM_AES_KEY_WRAP_PAD is KWP on SoftHSM and something else on NSS, whose KWP
 * is CKM_AES_KEY_WRAP_KWP. So no list of mechanisms tells, only a known answer does.
 */
const kwp = (token: Cryptoki, name: WrappingName, mechanism: number): Wrapping => ({
  name,
  description: `RFC 5649 key wrap (mechanism 0x${mechanism.toString(16)})`,
  suite: ektSuites.kwp,
  mechanism,
  wrap: (kek, key) => token.wrap({ mechanism }, kek, key),
  unwrap: (kek, wrapped, attributes) => token.unwrap({ mechanism }, kek, wrapped, attributes),
});
const aesKeyWrapKwp = 0x210b;

const blockLength = 16;

/** Only under a MAC that covers the IV: the padding alone does not tell tampering. */
const cbcPad = (token: Cryptoki): Wrapping => ({
  name: "cbc-pad",
  description: "AES-CBC-PAD key wrap",
  suite: ektSuites.cbcPad,
  mechanism: pkcs11js.CKM_AES_CBC_PAD,
  wrap: (kek, key) => {
    const iv = randomBytes(blockLength);
    return concat(iv, token.wrap({ mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter: iv }, kek, key));
  },
  unwrap: (kek, wrapped, attributes) => {
    const parameter = Buffer.from(wrapped.subarray(0, blockLength));
    const mechanism = { mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter };
    return token.unwrap(mechanism, kek, wrapped.subarray(blockLength), attributes);
  },
});

/** In the order in which they are preferred. */
const known: Readonly<Record<WrappingName, (token: Cryptoki) => Wrapping>> = {
  "kwp-0x210a": (token) => kwp(token, "kwp-0x210a", pkcs11js.CKM_AES_KEY_WRAP_PAD),
  "kwp-0x210b": (token) => kwp(token, "kwp-0x210b", aesKeyWrapKwp),
  "cbc-pad": cbcPad,
};

/** Of the known-answer tests; they protect nothing. */
export const knownKek = fromHex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a85840df6e29b02af1");
export const knownKey = fromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
export const knownMessage = fromHex("53747261776265727279");

export const aesKey = { class: pkcs11js.CKO_SECRET_KEY, keyType: pkcs11js.CKK_AES, token: false, private: true };
export const genericKey = {
  class: pkcs11js.CKO_SECRET_KEY,
  keyType: pkcs11js.CKK_GENERIC_SECRET,
  token: false,
  private: true,
} as const;
/** Everything that a key may not do, unless a template says otherwise; modules differ in what they assume. */
export const noUse = {
  encrypt: false,
  decrypt: false,
  wrap: false,
  unwrap: false,
  sign: false,
  verify: false,
  derive: false,
} as const;

/** An HBK as it is used. */
export const used: Attributes = { ...genericKey, ...noUse, sign: true, sensitive: true, extractable: false };
/** For the moment in which a key goes under another wrapping key; it stays unreadable. */
export const moving: Attributes = { ...used, extractable: true };
/** Of kinds that the host is given. */
export const readable = (token: Cryptoki): Attributes => ({ ...moving, ...toBeTakenOut(token) });
/** A secret key of a kind while it moves. */
export const movable = (token: Cryptoki, { kind }: Pick<HbkMeta, "kind">): Attributes =>
  isReleased(kind) ? readable(token) : moving;

export const usesOfKek = { ...noUse, wrap: true, unwrap: true, sensitive: true, extractable: false };

/** Every wrapping that gives the known answer and comes back. */
export function findWrappings(token: Cryptoki, engine: Engine): Wrappings {
  const kek = createKek(token, knownKek);
  const key = bringInKnown(token, { ...moving, value: knownKey });
  try {
    const names = Object.keys(known) as WrappingName[];
    const all = names.map((name) => known[name](token));
    const working = all.filter((wrapping) => works(token, engine, wrapping, kek, key));
    const [best] = working;
    if (best) letOutBy(token, (key) => takeOutBy(token, engine, best, key));
    return working;
  } finally {
    token.destroy(kek);
    token.destroy(key);
  }
}

/** The best. Throws `HsmError("unsupported")` where there is none. */
export function bestOf([best]: Wrappings): Wrapping {
  if (best) return best;
  throw new HsmError(
    "unsupported",
    "the token wraps keys neither by RFC 5649 (KWP) nor by AES-CBC-PAD: wrapping: resident would keep them in the token",
  );
}

/** With the one that is `wanted` in front. Throws `HsmError("unsupported")` where the token lacks it. */
export function preferred(wrappings: Wrappings, wanted: Pkcs11Wrapping): Wrappings {
  if (wanted === "resident") return wrappings;
  if (wanted === "auto") return [bestOf(wrappings), ...wrappings.slice(1)];
  const isWanted = ({ suite }: Wrapping) => suiteNames[suite] === wanted;
  if (wrappings.some(isWanted)) return wrappings.toSorted((a, b) => Number(isWanted(b)) - Number(isWanted(a)));
  throw new HsmError("unsupported", `the token does not wrap keys by ${wanted}`);
}

/** What `HsmInfo.wrapping` calls them. */
export const suiteNames: Readonly<Partial<Record<EktSuite, "kwp" | "cbc-pad">>> = {
  [ektSuites.kwp]: "kwp",
  [ektSuites.cbcPad]: "cbc-pad",
};

/** Whether C_WrapKey leaves keys that are not extractable where they are: quirks.wrapIgnoresExtractable. */
export function keepsKeys(token: Cryptoki, { wrap }: Wrapping): boolean {
  const kek = createKek(token, knownKek);
  const kept = bringInKnown(token, { ...used, value: knownKey });
  try {
    wrap(kek, kept);
    return false;
  } catch (error) {
    if (error instanceof CryptokiError) return true;
    throw error;
  } finally {
    token.destroy(kek);
    token.destroy(kept);
  }
}

function works(token: Cryptoki, engine: Engine, wrapping: Wrapping, kek: Handle, key: Handle): boolean {
  try {
    const wrapped = wrapping.wrap(kek, key);
    if (!equalBytes(wrapped, knownAnswer(engine, wrapping.suite, wrapped))) return false;
    const back = wrapping.unwrap(kek, wrapped, used);
    const mac = token.hmac(back, knownMessage);
    token.destroy(back);
    return equalBytes(mac, engine.hmacSha256(knownKey, knownMessage));
  } catch (error) {
    // "No such mechanism" has a dozen codes.
    if (error instanceof CryptokiError) return false;
    throw error;
  }
}

function knownAnswer(engine: Engine, suite: EktSuite, wrapped: Bytes): Bytes {
  return wrapOutside(engine, suite, knownKek, knownKey, wrapped.subarray(0, blockLength));
}

/** What the token's wrapping makes of `material` under an AES key of this value. */
export function wrapOutside(
  engine: Engine,
  suite: EktSuite,
  kek: Bytes,
  material: Bytes,
  iv: Bytes = randomBytes(blockLength),
): Bytes {
  if (suite === ektSuites.kwp) return engine.kwpWrap(kek, material);
  const cipher = createCipheriv("aes-256-cbc", kek, iv);
  return concat(iv, cipher.update(material), cipher.final());
}

/** The material, made by `secret`. Throws where it is not what the token has wrapped under an AES key of this value. */
export function unwrapOutside(engine: Engine, suite: EktSuite, kek: Bytes, wrapped: Bytes): Bytes {
  if (suite === ektSuites.kwp) {
    const material = engine.kwpUnwrap(kek, wrapped);
    if (!material) throw new HsmError("internal", "the token's key wrap is not RFC 5649");
    return material;
  }
  const decipher = createDecipheriv("aes-256-cbc", kek, wrapped.subarray(0, blockLength));
  const parts = [decipher.update(wrapped.subarray(blockLength)), decipher.final()];
  const material = secretConcat(...parts);
  wipe(...parts);
  return material;
}

/** The value of a key that may be moved, made by `secret`, by way of an AES key of `value`, which is wiped. */
export function takeOutBy(
  token: Cryptoki,
  engine: Engine,
  { suite, wrap }: Wrapping,
  key: Handle,
  value = secretFrom(randomBytes(32)),
): Bytes {
  const kek = createKek(token, value);
  try {
    return unwrapOutside(engine, suite, value, wrap(kek, key));
  } finally {
    token.destroy(kek);
    wipe(value);
  }
}

/** A session object over a known or ephemeral AES key, that wraps. */
export const createKek = (token: Cryptoki, value: Bytes): Handle =>
  bringInKnown(token, { ...aesKey, ...usesOfKek, value });
