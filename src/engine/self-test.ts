import { type Bytes, concat, equalBytes, fromHex, hex, utf8 } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { buildHeader, suites } from "../model/ciphertext.ts";
import { ektHead, ektSuites, parseEkt } from "../model/ekt.ts";
import type { SymmetricSpec } from "../model/key-spec.ts";
import type { Boundary } from "./boundary.ts";
import type { Engine } from "./engine.ts";

/** How often the boundary is run through: V8 has compiled the hot path with its optimizing compiler by then. */
const repetitions = 200;

/**
 * Known answers of every primitive, at power-up and before an engine is used (FIPS 140-3 §10.3). Where no source is named,
 * the answer was computed by another implementation (OpenSSL). Throws `HsmError("internal")`.
 */
export function selfTest(engine: Engine): void {
  for (const [primitive, passes] of Object.entries(tests)) {
    if (!passes(engine))
      throw new HsmError("internal", `the ${engine.name} engine fails its self-test of ${primitive}`);
  }
}

const tests: Readonly<Record<string, (engine: Engine) => boolean>> = {
  /** FIPS 180-4, the example "abc" */
  "SHA-256": (engine) =>
    is(engine.sha256(utf8("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),

  /** RFC 4231 §4.3 */
  "HMAC-SHA-256": (engine) =>
    is(
      engine.hmacSha256(utf8("Jefe"), utf8("what do ya want for nothing?")),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),

  /** NIST CAVP, KDF in counter mode, HMAC_SHA256, counter before, r = 32, L = 256, COUNT = 0 */
  KBKDF: (engine) =>
    is(
      engine.kbkdf(
        fromHex("e204d6d466aad507ffaf6d6dab0a5b26152c9e21e764370464e360c8fbc765c6"),
        fromHex(
          "7b03b98d9f94b899e591f3ef264b71b193fba7043c7e953cde23bc5384bc1a6293580115fae3495fd845dadbd02bd6455cf48d0f62b33e62364a3a80",
        ),
      ),
      "770dfab6a6a4a4bee0257ff335213f78d8287b4fd537d5c1fffa956910e7c779",
    ),

  "AES-256-GCM": gcm,
  "SM4-GCM": sm4,
  "derivation per message": deriver,

  /** Wycheproof aes_kwp, tcId 167 and 177 */
  "AES-256-KWP": (engine) =>
    keyWrap(
      engine,
      "38e1b1d075d9d852b9a6c01c8ff6965af01bac457a4e339ae3e1d7b2ffacc0cd",
      "80ad6820f1c90981e2ca42b817a345c1179d0a11d8e23a8adc0505e13d87295a",
      "b63b7e0fec7e315816233db6758fd3e744b9f6a40862bdf866487e53bcb950d8b2649269e51b4475",
    ) &&
    keyWrap(
      engine,
      "1abf4b7fa2bb62a78f09ddab04625dcacdd9e551d1a69b6b162baa53d2700093",
      "90735025797bd2",
      "68a52de00ec0f1ebbedc38fee6be0c23",
    ),

  CTR_DRBG: drbg,
  "the boundary": boundary,
};

/** D. McGrew, J. Viega, "The Galois/Counter Mode of Operation", test case 16; then 4,096 zeros, for its longer paths. */
function gcm(engine: Engine): boolean {
  const key = fromHex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const iv = fromHex("cafebabefacedbaddecaf888");
  const aad = fromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const plaintext = fromHex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
  );
  const sealed = engine.gcmSeal(key, iv, aad, plaintext);
  const long = engine.gcmSeal(key, iv, new Uint8Array(0), new Uint8Array(4096));
  const opened = engine.gcmOpen(key, iv, aad, sealed);
  return (
    is(
      sealed,
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    ) &&
    opened !== null &&
    equalBytes(opened, plaintext) &&
    engine.gcmOpen(key, iv, aad, flipped(sealed)) === null &&
    is(long.subarray(4096), "91dd7abd4e730e682036a66dc21b19f6")
  );
}

/** RFC 8998, appendix A.1; then 4,096 zeros. */
function sm4({ sm4 }: Engine): boolean {
  if (!sm4) return true;
  const key = fromHex("0123456789abcdeffedcba9876543210");
  const iv = fromHex("00001234567800000000abcd");
  const aad = fromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const plaintext = fromHex(
    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
  );
  const sealed = sm4.seal(key, iv, aad, plaintext);
  const long = sm4.seal(key, iv, new Uint8Array(0), new Uint8Array(4096));
  const opened = sm4.open(key, iv, aad, sealed);
  return (
    is(
      sealed,
      "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d83de3541e4c2b58177e065a9bf7b62ec",
    ) &&
    opened !== null &&
    equalBytes(opened, plaintext) &&
    sm4.open(key, iv, aad, flipped(sealed)) === null &&
    is(long.subarray(4096), "c27fc053f4a1212f99aea111c2cc484a")
  );
}

/** "known answer" under a key derived from 0, 1, 2, … */
function deriver(engine: Engine): boolean {
  const known = fromHex("082043d1983f50498460d01b52c2186f7e1af1c811a54930f61dbced");
  const [fixedInput, iv, aad] = [ascending(48, 1), ascending(12, 2), ascending(20, 3)];
  const instance = engine.deriver(ascending(32, 0));
  try {
    const opened = instance.open(fixedInput, iv, aad, known);
    return (
      equalBytes(instance.seal(fixedInput, iv, aad, utf8("known answer")), known) &&
      opened !== null &&
      equalBytes(opened, utf8("known answer")) &&
      instance.open(fixedInput, iv, aad, flipped(known)) === null
    );
  } finally {
    instance.close();
  }
}

function keyWrap(engine: Engine, kekHex: string, materialHex: string, wrappedHex: string): boolean {
  const kek = fromHex(kekHex);
  const wrapped = engine.kwpWrap(kek, fromHex(materialHex));
  const unwrapped = engine.kwpUnwrap(kek, wrapped);
  return (
    is(wrapped, wrappedHex) &&
    unwrapped !== null &&
    is(unwrapped, materialHex) &&
    engine.kwpUnwrap(kek, flipped(wrapped)) === null
  );
}

/** NIST CAVP, CTR_DRBG, AES-256 no df, with personalization, reseed and additional input, COUNT = 0 */
function drbg(engine: Engine): boolean {
  const instance = engine.drbg(
    fromHex("ae7ebe062971f5eb32e5b21444750785de816595ad2cbe80a209c8f8ab04b5468166de8c6ae522d8f10b56386a3b424f"),
    fromHex("55860dae57fcac297087c137efb796878a75868f6e7681114e9b73ed0c67e3c62bfc9f5d77e8caa59bcdb223f4ffd247"),
  );
  instance.reseed(
    fromHex("a42407931bfeca70e6ee5dd197021a129525051c07468e8b25587c5ad50abe9204e882fe847b8fd47cf7b4360e5aa034"),
    fromHex("ee4c88d1eb05f4853663eada501d2fc4b4984b283a88db579af2113031e03d9bc570de943dd168918f3ba8065581fea7"),
  );
  const first = "4b4b03ef19b0f259dca2b3ee3ae4cd86c3895a784b3d8eee043a2003c08289f8fffdad141e6b1ab2174d8d5d79c1e581";
  const second = "3062b33f116b46e20fe3c354726ae9b2a3a4c51922c8107863cb86f1f0bdad7554075659d91c371e2b11b1e8106a1ed5";
  instance.generate(64, fromHex(first));
  const output = instance.generate(64, fromHex(second));
  instance.uninstantiate();
  return is(
    output,
    "0d270518baeafac160ff1cb28c11ef68712c764c0c01674e6c9ca2cc9c7e0e8accfd3c753635ee070081eee7628af6187fbc2854b3c204461a796cf3f3fcb092",
  );
}

const ascending = (length: number, first: number): Bytes => new Uint8Array(length).map((_, i) => first + i);

/** "known answer" under N = 60… and IV = 80…, ciphertext and tag, of each spec. */
const knownCiphertexts = {
  SYMMETRIC_DEFAULT: "86ce9ab8b934e24f0d3ae6f28b05fc29c46e65ab3358121bb0439d5e",
  SM4: "e586c30c2b05f1e2bcbc65467cef5cedf1b5091392034263237a83ef",
} as const;

function boundary(engine: Engine): boolean {
  return boundaryOf(engine, "SYMMETRIC_DEFAULT", repetitions) && (!engine.sm4 || boundaryOf(engine, "SM4", 1));
}

/** A key brought in under a transport key must have its known name and open a known ciphertext. */
function boundaryOf(engine: Engine, spec: SymmetricSpec, times: number): boolean {
  const inside = engine.boundary();
  try {
    const domainKeyId = ascending(16, 1);
    inside.setRoot(ascending(32, 2));
    inside.generateDomainKey(domainKeyId);
    const head = ektHead(ektSuites.gcm, domainKeyId, undefined, {
      kind: "kms-symmetric",
      spec,
      usage: "ENCRYPT_DECRYPT",
      origin: "AWS_KMS",
      account: "000000000000",
      region: "local",
      keyId: ascending(16, 0x40),
    });
    const hbkId = fromHex("43b8577aebd8b249feb01cba57d89054420f02e5b5e26b8291b8f035b61d4119");
    const transportKey = ascending(32, 3);
    const ekt = inside.unwrapFrom(head, hbkId, transportKey, engine.kwpWrap(transportKey, ascending(32, 0)));
    const aad = new Uint8Array(2);
    const header = buildHeader(suites[spec], hbkId, ascending(16, 0x60), ascending(12, 0x80));
    const known = concat(header, fromHex(knownCiphertexts[spec]));
    const plaintext = inside.decrypt(ekt, aad, known);
    const opens = plaintext !== null && equalBytes(plaintext, utf8("known answer"));
    return opens && inside.decrypt(ekt, aad, flipped(known)) === null && goesRound(engine, inside, ekt, times);
  } finally {
    inside.close();
  }
}

function goesRound(engine: Engine, inside: Boundary, ekt: Bytes, times: number): boolean {
  const { hbkId } = parseEkt(ekt);
  for (let i = 0; i < times; i++) {
    const plaintext = ascending(i % 8 === 0 ? 4096 : 32, i);
    const ciphertext = inside.encrypt(ekt, hbkId, plaintext);
    const opened = inside.decrypt(ekt, hbkId, ciphertext);
    if (!opened || !engine.equal(opened, plaintext)) return false;
  }
  return true;
}

const is = (bytes: Bytes, expected: string): boolean => hex(bytes) === expected;

function flipped(bytes: Bytes): Bytes {
  const copy = bytes.slice();
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
  return copy;
}
