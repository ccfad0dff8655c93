import type { Bytes } from "../../base/bytes.ts";
import { secret, wipe } from "../../base/secret.ts";
import type { Boundary } from "../boundary.ts";
import type { Drbg, Engine } from "../engine.ts";
import { assertLength, assertWithin, gcmIvLength, gcmTagLength, isWrapped, keyLength } from "../lengths.ts";
import { WasmBoundary } from "./boundary.ts";
import { Core } from "./core.ts";
import { WasmDrbg } from "./drbg.ts";
import { compile } from "./module.ts";

const longestWrapped = 8192;

/**
 * Every primitive in WebAssembly, without tables, branches or loops that depend on a secret. Boundaries and DRBGs are
 * instances of their own: what is in one memory cannot be read from another.
 */
class WasmEngine implements Engine {
  readonly name = "wasm";
  readonly #module: WebAssembly.Module;
  readonly #core: Core;

  constructor(module: WebAssembly.Module, core: Core) {
    this.#module = module;
    this.#core = core;
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

  gcmSeal(key: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
    const { call, at } = this.#core;
    this.#startGcm(key, iv, aad, plaintext.length);
    const sealed = new Uint8Array(plaintext.length + gcmTagLength);
    let offset = 0;
    this.#core.stream(plaintext, (address, length) => {
      call.gcmEncrypt(address, length);
      sealed.set(this.#core.memory.subarray(address, address + length), offset);
      offset += length;
    });
    call.gcmTag(at.TAG);
    call.gcmFinish();
    sealed.set(this.#core.memory.subarray(at.TAG, at.TAG + gcmTagLength), offset);
    return sealed;
  }

  gcmOpen(key: Bytes, iv: Bytes, aad: Bytes, sealed: Bytes): Bytes | null {
    const { call, at } = this.#core;
    const length = sealed.length - gcmTagLength;
    this.#startGcm(key, iv, aad, Math.max(length, 0));
    if (length < 0) {
      call.gcmFinish();
      return null;
    }
    const ciphertext = sealed.subarray(0, length);
    this.#core.stream(ciphertext, call.gcmAuthenticateCiphertext);
    this.#core.write(at.TAG, sealed.subarray(length));
    const plaintext = call.gcmVerify(at.TAG) ? this.#decrypted(ciphertext) : null;
    call.gcmFinish();
    return plaintext;
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

  #startGcm(key: Bytes, iv: Bytes, aad: Bytes, length: number): void {
    assertLength(key, keyLength);
    assertLength(iv, gcmIvLength);
    const { call, at } = this.#core;
    this.#core.write(at.KEY, key);
    this.#core.write(at.IV, iv);
    call.gcmStart(at.KEY, at.IV, Math.ceil(aad.length / 16) + Math.ceil(length / 16) + 1);
    this.#core.wipe(at.KEY, keyLength);
    this.#core.stream(aad, call.gcmAuthenticate);
  }

  #decrypted(ciphertext: Bytes): Bytes {
    const plaintext = secret(ciphertext.length);
    let offset = 0;
    this.#core.stream(ciphertext, (address, length) => {
      this.#core.call.gcmDecrypt(address, length);
      plaintext.set(this.#core.memory.subarray(address, address + length), offset);
      offset += length;
    });
    return plaintext;
  }
}

/** `core`: an instance of `module`. */
export const openWith = (module: WebAssembly.Module, core = new Core(module)): Engine => new WasmEngine(module, core);

export const open = async (): Promise<Engine> => openWith(await compile());
