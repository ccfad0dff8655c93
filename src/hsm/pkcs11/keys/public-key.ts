import { createECDH, ECDH, type KeyObject } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, concat, equalBytes, fromHex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import { exportSpki } from "../../../engine/asymmetric/keys.ts";
import type { Engine } from "../../../engine/engine.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import type { HbkSpec } from "../../../model/key-spec.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import type { Cryptoki, Handle } from "../cryptoki/cryptoki.ts";
import { der, tags } from "./der.ts";
import { committedId } from "./hbk-id.ts";
import { takeOut, toBeTakenOut } from "./in-the-clear.ts";
import { bitsOf, type Curve, curveOf, curves, isPrivate, movingPrivate } from "./private-key.ts";
import { rsaKey } from "./rsa.ts";
import { genericKey, movable, noUse } from "./wrapping.ts";

/** DER of the object identifier. */
const idEcPublicKey = fromHex("06072a8648ce3d0201");

/** DER SubjectPublicKeyInfo of a public key that the token has just made. */
export function publicKeyOf(token: Cryptoki, publicKey: Handle, spec: HbkSpec): Bytes {
  const curve = curves[spec];
  return curve ? ecSpki(curve, readPoint(curve, token.read(publicKey, "ecPoint"))) : rsaSpki(token, publicKey);
}

/** Of either half of an RSA key. */
export const rsaSpki = (token: Cryptoki, key: Handle): Bytes => exportSpki(rsaKey(token, key));

/**
 * What the public half of a private key may be; refused where it is of another spec. No attribute of a private key of an
 * elliptic curve tells. But what it and the base point agree on is the x coordinate of its public key, which leaves two: so
 * the key itself answers, and not what somebody has written beside it. It must be one that derives.
 */
export function publicKeysOf(token: Cryptoki, privateKey: Handle, spec: HbkSpec): Bytes[] {
  const curve = curves[spec];
  if (!curve) {
    const key = rsaKey(token, privateKey);
    if (key.asymmetricKeyDetails?.modulusLength === bitsOf(spec)) return [exportSpki(key)];
    throw new HsmError("refused", `the key is as long as no ${spec} key`);
  }
  if (!equalBytes(token.read(privateKey, "ecParams"), curve.params)) {
    throw new HsmError("refused", `the key is on another curve than ${spec} keys`);
  }
  const x = agree(token, privateKey, spec, basePoint(curve));
  return [2, 3].map((sign) => {
    const compressed = Buffer.from([sign, ...x]);
    return ecSpki(curve, ECDH.convertKey(compressed, curve.name) as Buffer);
  });
}

/**
 * A private key that may be moved. `isOwn` tells its public key; refused where that is none that the key may have. A token
 * that keeps both together is told the public one (quirks.ecUnwrapWantsPublicKey).
 */
export function unwrapNamed(
  token: Cryptoki,
  meta: HbkMeta,
  unwrap: (attributes: Attributes) => Handle,
  isOwn: (spki: Bytes, key: Handle) => boolean,
): Handle {
  const curve = curves[meta.spec];
  const key = unwrap(movingPrivate(meta));
  let spki: Bytes | undefined;
  try {
    spki = publicKeysOf(token, key, meta.spec).find((spki) => isOwn(spki, key));
    if (spki && !(curve && token.wantsPublicKeys)) return key;
  } catch (error) {
    token.destroy(key);
    throw error;
  }
  token.destroy(key);
  if (!curve || !spki) throw new HsmError("refused", "the material is not that of the HBK id");
  return unwrap({ ...movingPrivate(meta), nssDb: spki.subarray(-1 - 2 * curve.length) });
}

/** A key that may be moved; a private one is refused unless it is the one named `hbkId`. */
export function unwrapMovable(
  token: Cryptoki,
  engine: Engine,
  { meta, hbkId }: { readonly meta: HbkMeta; readonly hbkId: Bytes },
  unwrap: (attributes: Attributes) => Handle,
): Handle {
  if (!isPrivate(meta)) return unwrap(movable(token, meta));
  return unwrapNamed(token, meta, unwrap, (spki) => engine.equal(committedId(engine, meta, spki), hbkId));
}

/** ECDH (SP 800-56A §5.7.1.2): the x coordinate, made by `secret`. `point` is uncompressed and on the key's curve. */
export function agree(token: Cryptoki, privateKey: Handle, spec: HbkSpec, point: Bytes): Bytes {
  const { length } = curveOf(spec);
  const parameter: pkcs11js.ECDH1 = {
    type: pkcs11js.CK_PARAMS_EC_DH,
    kdf: pkcs11js.CKD_NULL,
    publicData: Buffer.from(point),
  };
  const mechanism = { mechanism: pkcs11js.CKM_ECDH1_DERIVE, parameter };
  const shared = { ...genericKey, ...noUse, ...toBeTakenOut(token), extractable: true, valueLen: length };
  const key = token.derive(mechanism, privateKey, shared);
  try {
    const value = takeOut(token, key);
    if (value.length === length) return value;
    wipe(value);
    throw new HsmError("internal", `the token derives ${value.length} bytes where a coordinate has ${length}`);
  } finally {
    token.destroy(key);
  }
}

const basePoints = new Map<string, Bytes>();

/** What a private key of 1 has for a public one. */
function basePoint({ name }: Curve): Bytes {
  return basePoints.getOrInsertComputed(name, () => {
    const one = createECDH(name);
    one.setPrivateKey(Buffer.of(1));
    return one.getPublicKey();
  });
}

/** CKA_EC_POINT is an OCTET STRING around the point (PKCS#11 §2.3.3); some modules give the point itself. */
function readPoint({ length }: Curve, value: Bytes): Bytes {
  const point = value.subarray(value.length - 2 * length - 1);
  if (point[0] !== 4) throw new HsmError("internal", "the token gives no uncompressed point");
  return point;
}

/** Uncompressed, of a public key on a curve. */
export function pointOf(key: KeyObject): Bytes {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  return concat(Uint8Array.of(4), ...[x, y].map((text) => Uint8Array.fromBase64(text, { alphabet: "base64url" })));
}

/** RFC 5480 §2. */
const ecSpki = ({ params }: Curve, point: Bytes): Bytes =>
  der(tags.sequence, der(tags.sequence, idEcPublicKey, params), der(tags.bitString, Uint8Array.of(0), point));
