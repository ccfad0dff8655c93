import { type Bytes, utf8 } from "../../base/bytes.ts";
import type { Deriver, Engine, Sm4 } from "../../engine/engine.ts";
import { ektHead, ektSuites } from "../../model/ekt.ts";
import type { HbkKind, HbkUsage } from "../../model/hbk.ts";
import { kbkdfFixedInput, noNonce } from "../../model/kbkdf.ts";
import type { KeySpec } from "../../model/key-spec.ts";
import type { Path } from "./harness.ts";

const keyLength = 32;
const iv = utf8("twelve bytes");
const aad = new Uint8Array(32);
const keyId = new Uint8Array(16);
const domainKeyId = utf8("of a domain key.");
const transportKey = new Uint8Array(keyLength).fill(0x55);
const noBytes = new Uint8Array(0);

/** Everything in an engine that handles a secret: keys, plaintexts, seeds, tags to compare. */
export const pathsOf = (engine: Engine): readonly Path[] => [...primitives(engine), ...boundaryCalls(engine)];

interface Steps {
  /** Not measured. */
  readonly prepare?: () => void;
  readonly run: () => unknown;
}

/** `stepsOver` gets the memory in which each secret will be. */
function path(name: string, length: number, stepsOver: (secret: Bytes) => Steps): Path {
  const memory = new Uint8Array(length);
  const { prepare, run } = stepsOver(memory);
  return {
    name,
    length,
    run,
    prepare(secret) {
      memory.set(secret);
      prepare?.();
    },
  };
}

/** The secret is a key and then something else. */
const keyed = (name: string, length: number, stepsOver: (key: Bytes, rest: Bytes) => Steps): Path =>
  path(name, keyLength + length, (secret) => stepsOver(secret.subarray(0, keyLength), secret.subarray(keyLength)));

function primitives(engine: Engine): Path[] {
  const zeros = new Uint8Array(keyLength);
  const fixedInput = kbkdfFixedInput("SR1-encrypt", keyId, noNonce);
  const drbg = engine.drbg(new Uint8Array(48).fill(1), noBytes);
  const seal = (bytes: number): Path =>
    keyed(`gcmSeal, ${bytes} B`, bytes, (key, plaintext) => ({ run: () => engine.gcmSeal(key, iv, aad, plaintext) }));
  const open = (name: string, bytes: number, edit: (sealed: Bytes, secret: Bytes) => void = () => undefined): Path =>
    keyed(`gcmOpen, ${name}`, bytes, (key, plaintext) => {
      let sealed: Bytes = noBytes;
      const prepare = (): void => {
        sealed = engine.gcmSeal(key, iv, aad, plaintext);
        edit(sealed, plaintext);
      };
      return { prepare, run: () => engine.gcmOpen(key, iv, aad, sealed) };
    });
  const derived = (name: string, call: (deriver: Deriver, plaintext: Bytes) => unknown) =>
    keyed(name, 32, (hbk, plaintext) => {
      let deriver: Deriver | undefined;
      return {
        prepare: () => {
          deriver?.close();
          deriver = engine.deriver(hbk);
        },
        run: () => deriver && call(deriver, plaintext),
      };
    });
  return [
    path("sha256", 128, (message) => ({ run: () => engine.sha256(message) })),
    keyed("hmacSha256", 48, (key, message) => ({ run: () => engine.hmacSha256(key, message) })),
    path("kbkdf", keyLength, (key) => ({ run: () => engine.kbkdf(key, fixedInput) })),
    ...[32, 1024, 4096].map(seal),
    open("32 B", 32),
    open("1024 B", 1024),
    // Of 16 bytes of tag all are wrong, or those from some place on.
    open("wrong tag", 32, (sealed, secret) => {
      const first = sealed.length - 16 + ((secret[0] as number) & 15);
      for (let i = first; i < sealed.length; i++) sealed[i] = (sealed[i] as number) ^ 0xff;
    }),
    ...(engine.sm4 ? sm4Paths(engine.sm4) : []),
    path("Deriver, opened and closed", keyLength, (hbk) => ({ run: () => engine.deriver(hbk).close() })),
    derived("Deriver.seal", (deriver, plaintext) => deriver.seal(fixedInput, iv, aad, plaintext)),
    derived("Deriver.sealEach", (deriver, text) => deriver.sealEach(new Array(4).fill({ fixedInput, iv, aad, text }))),
    keyed("kwpWrap", keyLength, (kek, material) => ({ run: () => engine.kwpWrap(kek, material) })),
    keyed("kwpUnwrap", keyLength, (kek, material) => {
      let wrapped: Bytes = noBytes;
      return {
        prepare: () => {
          wrapped = engine.kwpWrap(kek, material);
        },
        run: () => engine.kwpUnwrap(kek, wrapped),
      };
    }),
    path("equal", keyLength, (secret) => ({ run: () => engine.equal(secret, zeros) })),
    path("Drbg.reseed", 48, (entropy) => ({ run: () => drbg.reseed(entropy) })),
    path("Drbg.generate", 48, (input) => ({ run: () => drbg.generate(32, input) })),
  ];
}

const sm4Paths = (sm4: Sm4): Path[] => {
  const split = (secret: Bytes) => [secret.subarray(0, 16), secret.subarray(16)] as const;
  return [
    path("SM4-GCM, sealed", 16 + 1024, (secret) => {
      const [key, plaintext] = split(secret);
      return { run: () => sm4.seal(key, iv, aad, plaintext) };
    }),
    path("SM4-GCM, opened", 16 + 1024, (secret) => {
      const [key, plaintext] = split(secret);
      let sealed: Bytes = noBytes;
      return {
        prepare: () => {
          sealed = sm4.seal(key, iv, aad, plaintext);
        },
        run: () => sm4.open(key, iv, aad, sealed),
      };
    }),
  ];
};

/** The secret is the material of a key, and a plaintext where there is one. */
function boundaryCalls(engine: Engine): Path[] {
  const boundary = engine.boundary();
  boundary.setRoot(new Uint8Array(keyLength).fill(0x77));
  boundary.generateDomainKey(domainKeyId);
  const heads = {
    symmetric: headOf("kms-symmetric", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
    hmac: headOf("kms-hmac", "HMAC_256", "GENERATE_VERIFY_MAC"),
    private: headOf("kms-private", "ECC_NIST_P256", "SIGN_VERIFY"),
    sigv4: headOf("sigv4", "HMAC_256", "INTERNAL"),
    record: headOf("record", "SYMMETRIC_DEFAULT", "INTERNAL"),
  };
  const fixedInput = kbkdfFixedInput("SR1-keyname", keyId, noNonce);
  const message = utf8("20261122");

  /** Domain keys, IVs and tags of tokens are random in either class. */
  const wrap = (material: Bytes) => ({
    hbkId: engine.kbkdf(material, fixedInput),
    wrapped: engine.kwpWrap(transportKey, material),
  });
  const unwrap = ({ hbkId, wrapped }: ReturnType<typeof wrap>): Bytes =>
    boundary.unwrapFrom(heads.symmetric, hbkId, transportKey, wrapped);

  /** `make` is the preparation of what `use` takes. */
  const call = <T>(
    name: string,
    length: number,
    make: (key: Bytes, plaintext: Bytes) => T,
    use: (made: T, plaintext: Bytes) => unknown,
  ): Path =>
    keyed(`Boundary.${name}`, length, (key, plaintext) => {
      let made: T;
      return {
        prepare: () => {
          made = make(key, plaintext);
        },
        run: () => use(made, plaintext),
      };
    });
  const asItIs = (key: Bytes): Bytes => key;
  const imported = (head: Bytes) => (key: Bytes) => boundary.import(head, key);
  const exposed = (key: Bytes): Bytes => boundary.importExposed(heads.private, utf8("its public half"), key);
  const token = (key: Bytes): Bytes => unwrap(wrap(key));
  const sealed = (key: Bytes, plaintext: Bytes) => {
    const ekt = token(key);
    return { ekt, aad, ciphertext: boundary.encrypt(ekt, aad, plaintext) };
  };
  return [
    call("encrypt", 32, token, (ekt, plaintext) => boundary.encrypt(ekt, aad, plaintext)),
    call("decrypt", 32, sealed, ({ ekt, ciphertext }) => boundary.decrypt(ekt, aad, ciphertext)),
    call("reEncrypt", 32, sealed, (source) => boundary.reEncrypt(source, source)),
    call("generateDataKey", 0, token, (ekt) => boundary.generateDataKey(ekt, aad, 32, "both")),
    call("import", 0, asItIs, imported(heads.sigv4)),
    call("mac, sigv4", 0, imported(heads.sigv4), (ekt) => boundary.mac(ekt, message)),
    call("mac, HMAC_256", 0, imported(heads.hmac), (ekt) => boundary.mac(ekt, message)),
    call("release", 0, imported(heads.record), (ekt) => boundary.release(ekt)),
    call("importExposed", 0, asItIs, exposed),
    call("expose", 0, exposed, (ekt) => boundary.expose(ekt, "SIGN_VERIFY")),
    call("rewrap", 0, token, (ekt) => boundary.rewrap(ekt, heads.symmetric)),
    call("wrapFor", 0, token, (ekt) => boundary.wrapFor(ekt, transportKey)),
    call("unwrapFrom", 0, wrap, unwrap),
  ];
}

const headOf = (kind: HbkKind, spec: KeySpec, usage: HbkUsage): Bytes =>
  ektHead(ektSuites.gcm, domainKeyId, undefined, {
    kind,
    spec,
    usage,
    origin: "AWS_KMS",
    account: "111122223333",
    region: "us-east-1",
    keyId,
  });
