import type { Bytes } from "../../base/bytes.ts";
import { wipe } from "../../base/secret.ts";
import type { Boundary } from "../boundary.ts";
import type { Deriver, Drbg, Engine, Sm4 } from "../engine.ts";
import {
  assertLength,
  assertWithin,
  gcmIvLength,
  gcmTagLength,
  isWrapped,
  keyLength,
  sm4KeyLength,
} from "../lengths.ts";
import { WasmBoundary } from "./boundary.ts";
import { Core } from "./core.ts";
import { DeriverSlots, WasmDeriver } from "./deriver.ts";
import { WasmDrbg } from "./drbg.ts";
import * as gcm from "./gcm.ts";
import { compile } from "./module.ts";

const longestWrapped = 8192;

/**
 * Every primitive in WebAssembly, without tables, branches or loops that depend on a secret. Boundaries and DRBGs are
 * instances of their own: what is in one memory cannot be read from another.
 */
class WasmEngine implements Engine {
  readonly name = "wasm";
  readonly sm4: Sm4;
  readonly #module: WebAssembly.Module;
  readonly #core: Core;
  readonly #slots: DeriverSlots;

  constructor(module: WebAssembly.Module, core: Core) {
    this.#module = module;
    this.#core = core;
    this.#slots = new DeriverSlots(core);
    this.sm4 = sm4In(core);
  }

  sha256(message: Bytes): Bytes {
    const { call, at } = this.#core;
    call.sha256Start();
    this.#core.stream(message, call.sha256Update);
    call.sha256Finish(at.TAG);
    return this.#core.takeSecret(at.TAG, 32);
  }

  hmacSha256(key: Bytes, message: Bytes): Bytes {
    return this.#mac(this.#core.call.hmacStart, key, message);
  }

  kbkdf(key: Bytes, fixedInput: Bytes): Bytes {
    return this.#mac(this.#core.call.kbkdfStart, key, fixedInput);
  }

  gcmSeal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes, out?: Bytes): Bytes {
    gcm.assertSealsInto(out, plaintext);
    startGcm(this.#core, keyLength, key, iv, aad.length, plaintext.length);
    return gcm.seal(this.#core, aad, plaintext, out);
  }

  gcmOpen(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes, out?: Bytes): Bytes | null {
    gcm.assertOpensInto(out, sealed);
    startGcm(this.#core, keyLength, key, iv, aad.length, Math.max(sealed.length - gcmTagLength, 0));
    return gcm.open(this.#core, aad, sealed, out);
  }

  deriver(hbk: Bytes): Deriver {
    return new WasmDeriver(this.#core, this.#slots, hbk);
  }

  kwpWrap(kek: Bytes, material: Bytes): Bytes {
    assertLength(kek, keyLength);
    assertWithin(material.length, 1, longestWrapped);
    const { call, at } = this.#core;
    this.#core.write(at.KEY, kek);
    this.#core.write(at.DATA + 8, material);
    const length = call.keyWrap(at.KEY, at.DATA, material.length);
    this.#core.wipe(at.KEY, keyLength);
    return this.#core.read(at.DATA, length);
  }

  kwpUnwrap(kek: Bytes, wrapped: Bytes): Bytes | null {
    assertLength(kek, keyLength);
    if (!isWrapped(wrapped, longestWrapped)) return null;
    const { call, at } = this.#core;
    this.#core.write(at.KEY, kek);
    this.#core.write(at.DATA, wrapped);
    const length = call.keyUnwrap(at.KEY, at.DATA, wrapped.length);
    this.#core.wipe(at.KEY, keyLength);
    return length < 0 ? null : this.#core.takeSecret(at.DATA + 8, length);
  }

  equal(a: Bytes, b: Bytes): boolean {
    if (a.length !== b.length) return false;
    const { call, at } = this.#core;
    const half = at.DATA_SIZE / 2;
    let same = 1;
    for (let offset = 0; offset < a.length; offset += half) {
      const length = Math.min(half, a.length - offset);
      this.#core.write(at.DATA, a.subarray(offset, offset + length));
      this.#core.write(at.DATA + half, b.subarray(offset, offset + length));
      same &= call.equal(at.DATA, at.DATA + half, length);
    }
    this.#core.wipe(at.DATA, at.DATA_SIZE);
    return same === 1;
  }

  drbg(entropy: Bytes, personalization: Bytes): Drbg {
    return new WasmDrbg(new Core(this.#module), entropy, personalization);
  }

  boundary(): Boundary {
    return new WasmBoundary(new Core(this.#module));
  }

  #mac(start: (key: number, length: number) => void, key: Bytes, message: Bytes): Bytes {
    const { call, at } = this.#core;
    // FIPS 198-1 §4 step 2, where K0 is made outside
    const shortened = key.length > keyLength * 2 ? this.sha256(key) : key;
    this.#core.write(at.KEY, shortened);
    start(at.KEY, shortened.length);
    this.#core.wipe(at.KEY, shortened.length);
    if (shortened !== key) wipe(shortened);
    this.#core.stream(message, call.hmacUpdate);
    call.hmacFinish(at.TAG);
    return this.#core.takeSecret(at.TAG, 32);
  }
}

/** `lengthOfKey` says whose it is: that of AES-256 or of SM4. */
function startGcm(core: Core, lengthOfKey: number, key: Bytes, iv: Bytes, aadLength: number, length: number): void {
  assertLength(key, lengthOfKey);
  assertLength(iv, gcmIvLength);
  core.write(core.at.KEY, key);
  core.write(core.at.IV, iv);
  if (lengthOfKey === keyLength) core.call.gcmStart(aadLength, length);
  else core.call.gcmStartSm4(aadLength, length);
}

const sm4In = (core: Core): Sm4 => ({
  seal(key, iv, aad, plaintext) {
    startGcm(core, sm4KeyLength, key, iv, aad.length, plaintext.length);
    return gcm.seal(core, aad, plaintext, undefined);
  },
  open(key, iv, aad, sealed) {
    startGcm(core, sm4KeyLength, key, iv, aad.length, Math.max(sealed.length - gcmTagLength, 0));
    return gcm.open(core, aad, sealed, undefined);
  },
});

/** `core`: an instance of `module`. */
export const openWith = (module: WebAssembly.Module, core = new Core(module)): Engine => new WasmEngine(module, core);

export const open = async (): Promise<Engine> => openWith(await compile());
