import { createCipheriv } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, concat, fromHex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { rsaKey } from "../../../engine/asymmetric/known-answers.ts";
import { ektSuites } from "../../../model/ekt.ts";
import type { HbkMeta } from "../../../model/hbk.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle } from "../cryptoki/cryptoki.ts";
import { otherMechanisms, succeeds } from "./locked-mode.ts";
import { movingPrivate, usedAs } from "./private-key.ts";
import { guards, privatesTrustLock, secretsTrustLock } from "./trust-attributes.ts";
import { aesKey, createKek, knownKek, moving, used, usesOfKek, type Wrapping } from "./wrapping.ts";

/** The wrapping keys of one version of the domain key. */
export interface Keks {
  readonly kek: Handle;
  readonly privates: Handle;
  readonly releasing: Handle;
}

/**
 * Throws `HsmError("unsupported")`, with the reason, where the module does not hold what a trusted domain key is for: as
 * far as that shows before a security officer has trusted one.
 */
export function requireTrustable(token: Cryptoki, wrapping: Wrapping): void {
  if (wrapping.suite !== ektSuites.kwp) {
    throw unsupported("needs RFC 5649 key wrap, as the padding of CBC answers questions about keys");
  }
  const made: Handle[] = [];
  const make = (lock: Attributes = {}) => {
    const attributes = { ...aesKey, ...usesOfKek, modifiable: false, valueLen: 32, ...lock };
    const key = token.generateKey(pkcs11js.CKM_AES_KEY_GEN, attributes);
    made.push(key);
    return key;
  };
  try {
    const keks = {
      kek: make(secretsTrustLock(wrapping)),
      privates: make(privatesTrustLock(wrapping)),
      releasing: make(),
    };
    const hole = holeOf(token, wrapping, keks, keks.kek);
    if (hole) throw unsupported(`would not hold: ${hole}`);
  } catch (error) {
    if (error instanceof HsmError && error.kind === "internal") throw unsupported(`would not hold: ${error.message}`);
    if (!(error instanceof CryptokiError)) throw error;
    throw unsupported(`needs CKA_UNWRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS and CKA_WRAP_WITH_TRUSTED: ${error.message}`);
  } finally {
    for (const key of made) token.destroy(key);
  }
}

/**
 * Throws `HsmError("internal")` unless keys that `keks` unwrap leave under them, and under no key that the officer has
 * not trusted.
 */
export function proveTrusted(
  token: Cryptoki,
  wrapping: Wrapping,
  keks: Keks,
  isOurs: (label: string, id: Bytes) => boolean,
): void {
  const hole = strangerOf(token, isOurs) ?? holeOf(token, wrapping, keks) ?? kept(token, wrapping, keks);
  if (hole) throw new HsmError("internal", `the domain key is not what a trusted one must be: ${hole}`);
}

/** A key under which others leave, and which has nothing to do with this domain. */
function strangerOf(token: Cryptoki, isOurs: (label: string, id: Bytes) => boolean): string | undefined {
  for (const objectClass of [pkcs11js.CKO_SECRET_KEY, pkcs11js.CKO_PUBLIC_KEY]) {
    for (const key of token.find({ class: objectClass, trusted: true, wrap: true })) {
      const label = token.read(key, "label");
      if (!isOurs(label, token.read(key, "id"))) return `the token trusts a wrapping key besides, "${label}"`;
    }
  }
  return undefined;
}

/** The two ways out, which must be open. */
function kept(token: Cryptoki, wrapping: Wrapping, { kek, privates }: Keks): string | undefined {
  const samples = new Samples(token, wrapping, { kek, privates });
  try {
    if (!succeeds(() => wrapping.wrap(kek, samples.secret))) return "no key leaves under it, though it is trusted";
    if (!succeeds(() => wrapping.wrap(privates, samples.private))) return "no private key leaves under it";
    return undefined;
  } finally {
    samples.end();
  }
}

/**
 * What someone with the PIN could do, by trying it on keys that protect nothing; undefined when none of it works.
 * `untrusted`: a domain key that no officer has trusted yet.
 */
function holeOf(token: Cryptoki, wrapping: Wrapping, keks: Keks, untrusted?: Handle): string | undefined {
  const samples = new Samples(token, wrapping, keks);
  const own = token.generateKey(pkcs11js.CKM_AES_KEY_GEN, { ...aesKey, ...usesOfKek, valueLen: 32 });
  try {
    const attempts = [
      ...waysOutOf(token, wrapping, own, samples.secret),
      ...waysOutOf(token, wrapping, own, samples.private),
      ...unwrappings(wrapping, keks, samples),
      ...usesGiven(token, samples.secret),
      ...trustGiven(token, wrapping, own, samples.secret),
      ...changesOf(token, wrapping, own, keks),
      ["keys leave under the key of what the host is given", () => wrapping.wrap(keks.releasing, samples.secret)],
      ...(untrusted
        ? [["keys leave under a key that nobody trusts", () => wrapping.wrap(untrusted, samples.secret)]]
        : []),
      ...otherMechanisms(wrapping).map((mechanism) => [
        `the domain key wraps by mechanism 0x${mechanism.mechanism.toString(16)}, too`,
        () => token.wrap(mechanism, keks.kek, samples.fresh),
      ]),
    ] as readonly Attempt[];
    return attempts.find(([, attempt]) => succeeds(attempt))?.[0];
  } finally {
    token.destroy(own);
    samples.end();
  }
}

type Attempt = readonly [string, () => unknown];

/** Of a key in use. `own`: a wrapping key that the user has made. */
const waysOutOf = (token: Cryptoki, { wrap }: Wrapping, own: Handle, key: Handle): readonly Attempt[] => [
  ["keys in use leave under a key that the user makes", () => wrap(own, key)],
  ["keys in use can be made readable", () => token.set(key, { sensitive: false })],
  ["keys in use can be made to leave", () => token.set(key, { wrapWithTrusted: false })],
  ["copies of keys in use are readable", () => token.copy(key, { sensitive: false })],
  ["copies of keys in use leave", () => token.copy(key, { wrapWithTrusted: false })],
  ["copies of keys in use can be changed", () => token.copy(key, { modifiable: true })],
];

function unwrappings({ unwrap }: Wrapping, { kek, privates }: Keks, samples: Samples): readonly Attempt[] {
  const secret = (change: Attributes) => () => unwrap(kek, samples.wrappedSecret, { ...used, ...guards, ...change });
  const privateKey = (change: Attributes) => () =>
    unwrap(privates, samples.wrappedPrivate, { ...usedAs(privateMeta), ...guards, ...change });
  return [
    ["keys unwrap readable", secret({ sensitive: false })],
    ["keys unwrap to leave under any key", secret({ wrapWithTrusted: false })],
    ["keys unwrap to be changed", secret({ modifiable: true })],
    ["keys unwrap for whoever has not logged in", secret({ private: false })],
    ["keys unwrap to derive others from", secret({ derive: true })],
    ["keys unwrap to decrypt", secret({ decrypt: true })],
    ["keys unwrap to unwrap others", secret({ unwrap: true })],
    ["private keys unwrap readable", privateKey({ sensitive: false })],
    ["private keys unwrap to leave under any key", privateKey({ wrapWithTrusted: false })],
    ["private keys unwrap to be changed", privateKey({ modifiable: true })],
    ["private keys unwrap for whoever has not logged in", privateKey({ private: false })],
    // A secret key under the key of private keys would derive.
    ["private keys unwrap as secret ones", () => unwrap(privates, samples.secretAsPrivate, { ...used, ...guards })],
  ];
}

const usesGiven = (token: Cryptoki, key: Handle): readonly Attempt[] =>
  (["derive", "decrypt", "unwrap"] as const).flatMap((use) => [
    [`keys in use can be made to ${use}`, () => token.set(key, { [use]: true })],
    [`copies of keys in use can be made to ${use}`, () => token.copy(key, { [use]: true })],
  ]);

/** A module may take the attribute and not keep it: what counts is whether `key` leaves. */
function trustGiven(token: Cryptoki, { wrap }: Wrapping, own: Handle, key: Handle): readonly Attempt[] {
  const leaves = (trusted: Handle) => wrap(trusted, key);
  const kek = { ...aesKey, ...usesOfKek, trusted: true };
  const trust = () => {
    token.set(own, { trusted: true });
    leaves(own);
  };
  return [
    ["the user trusts a key", trust],
    [
      "the user makes a trusted key",
      () => leaves(token.generateKey(pkcs11js.CKM_AES_KEY_GEN, { ...kek, valueLen: 32 })),
    ],
    ["the user brings a trusted key", () => leaves(token.create({ ...kek, value: knownKek }))],
  ];
}

/** Of the domain key itself; what succeeds is taken back. */
const changesOf = (token: Cryptoki, { wrap }: Wrapping, own: Handle, keks: Keks): readonly Attempt[] =>
  [keks.kek, keks.privates].flatMap((kek) => {
    const decrypt = () => {
      token.set(kek, { decrypt: true });
      token.set(kek, { decrypt: false });
    };
    return [
      ["the domain key can be made to decrypt", decrypt],
      ["copies of the domain key decrypt", () => token.copy(kek, { decrypt: true })],
      ["copies of the domain key can be changed", () => token.copy(kek, { modifiable: true })],
      ["the domain key can be wrapped itself", () => wrap(own, kek)],
    ] satisfies readonly Attempt[];
  });

const privateMeta = { kind: "kms-private", spec: "RSA_2048", usage: "SIGN_VERIFY" } as HbkMeta;

/** Keys that protect nothing: as they are made, as they are wrapped, and as they are in use. */
class Samples {
  readonly fresh: Handle;
  readonly secret: Handle;
  readonly private: Handle;
  readonly wrappedSecret: Bytes;
  readonly secretAsPrivate: Bytes;
  readonly wrappedPrivate: Bytes;
  readonly #token: Cryptoki;

  constructor(token: Cryptoki, { wrap, unwrap }: Wrapping, { kek, privates }: Omit<Keks, "releasing">) {
    this.#token = token;
    this.fresh = token.generateKey(pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, { ...moving, valueLen: 32 });
    this.wrappedSecret = wrap(kek, this.fresh);
    this.secretAsPrivate = wrap(privates, this.fresh);
    this.secret = unwrap(kek, this.wrappedSecret, { ...used, ...guards });
    const known = createKek(token, knownKek);
    const pair = unwrap(known, wrappedRsaKey(), movingPrivate(privateMeta));
    this.wrappedPrivate = wrap(privates, pair);
    this.private = unwrap(privates, this.wrappedPrivate, { ...usedAs(privateMeta), ...guards });
    token.destroy(known);
    token.destroy(pair);
  }

  end(): void {
    for (const key of [this.fresh, this.secret, this.private]) this.#token.destroy(key);
  }
}

/** RFC 5649 §3. */
const alternativeIv = fromHex("a65959a6");

/** A known private key, under `knownKek`. */
function wrappedRsaKey(): Bytes {
  const cipher = createCipheriv("id-aes256-wrap-pad", knownKek, alternativeIv);
  return concat(cipher.update(fromHex(rsaKey)), cipher.final());
}

const unsupported = (reason: string): HsmError => new HsmError("unsupported", `a trusted domain key ${reason}`);
