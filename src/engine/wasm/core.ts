import type { Bytes } from "../../base/bytes.ts";
import { secret } from "../../base/secret.ts";
import { newAnswer } from "../answer.ts";

/** An address in the linear memory. */
type Address = number;

/** What assembly/index.ts exports; the contract of a function stands where it is defined. */
export interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  wipe(): void;
  equal(a: Address, b: Address, length: number): number;

  sha256Start(): void;
  sha256Update(message: Address, length: number): void;
  sha256Finish(digest: Address): void;
  hmacStart(key: Address, length: number): void;
  hmacUpdate(message: Address, length: number): void;
  hmacFinish(mac: Address): void;
  kbkdfStart(key: Address, length: number): void;

  openDeriver(slot: number): void;
  startDerived(slot: number, fixedLength: number, aadLength: number, length: number): void;
  deriveFour(slot: number, fixedLength: number): void;
  startOfFour(index: number, aadLength: number, length: number): void;
  closeDeriver(slot: number): void;

  gcmStart(aadLength: number, length: number): void;
  gcmStartSm4(aadLength: number, length: number): void;
  gcmSeal(aadLength: number, length: number): void;
  gcmOpen(aadLength: number, length: number): number;
  gcmAuthenticate(aad: Address, length: number): void;
  gcmAuthenticateCiphertext(ciphertext: Address, length: number): void;
  gcmEncrypt(data: Address, length: number): void;
  gcmDecrypt(data: Address, length: number): void;
  gcmTag(tag: Address): void;
  gcmVerify(tag: Address): number;
  gcmFinish(): void;

  keyWrap(kek: Address, data: Address, length: number): number;
  keyUnwrap(kek: Address, data: Address, length: number): number;

  drbgInstantiate(entropy: Address, personalization: Address): void;
  drbgReseed(entropy: Address, additional: Address): void;
  drbgGenerate(target: Address, length: number, additional: Address): void;
  drbgDraw(target: Address, length: number): void;

  setRoot(): number;
  generateDomainKey(): number;
  sealDomainKey(): number;
  openDomainKey(): number;
  dropDomainKey(): void;

  generate(headLength: number, length: number): number;
  importMaterial(headLength: number, length: number): number;
  importExposed(headLength: number, length: number, commitmentLength: number): number;
  expose(length: number, usage: number): number;
  rewrap(length: number, headLength: number): number;
  release(length: number): number;
  wrapFor(length: number): number;
  unwrapFrom(headLength: number, length: number): number;

  encrypt(tokenLength: number, aadLength: number, length: number): number;
  encryptRandom(tokenLength: number, aadLength: number, length: number, kept: number): number;
  decrypt(tokenLength: number, aadLength: number, length: number): number;
  reEncrypt(
    tokenLength: number,
    aadLength: number,
    length: number,
    destinationLength: number,
    destinationAadLength: number,
  ): number;
  macStart(tokenLength: number, length: number): number;
}

/** Windows of assembly/memory.ts: where arguments are written before a call and results are read after it. */
const windowNames = [
  "AAD",
  "AAD2",
  "CALL_KEYS",
  "DATA",
  "DATA_SIZE",
  "DERIVER_SLOTS",
  "ENTROPY",
  "FIXED",
  "ID",
  "IV",
  "KBKDF_BLOCKS",
  "KEY",
  "LONGEST_IN_BLOCK",
  "MATERIAL",
  "PERSONALIZATION",
  "PLAINTEXT",
  "TAG",
  "TOKEN",
  "TOKEN2",
] as const;
type Windows = Readonly<Record<(typeof windowNames)[number], Address>>;

/** V8 keeps arrays of so many bytes on its own heap: those it makes fastest. */
const longestOnHeap = 64;

/** One instance of the module, with a linear memory of its own that no other instance sees. */
export class Core {
  readonly call: Exports;
  readonly at: Windows;
  /** The linear memory. It never grows, so the view stays valid. */
  readonly memory: Bytes;
  /** The same, for `copy`: `set` would have to be given a view, which takes longer to make than most copies. */
  readonly #source: Buffer;

  constructor(module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module);
    this.call = exports as Exports;
    const globals = exports as Record<string, { readonly value: Address }>;
    this.at = Object.fromEntries(windowNames.map((name) => [name, globals[name]?.value])) as Windows;
    this.memory = new Uint8Array(this.call.memory.buffer);
    this.#source = Buffer.from(this.call.memory.buffer);
  }

  write(address: Address, bytes: Bytes): void {
    this.memory.set(bytes, address);
  }

  /** A copy of what is public, a new one or `out`. */
  read(address: Address, length: number, out?: Bytes): Bytes {
    if (!out && length <= longestOnHeap) return this.memory.slice(address, address + length);
    const copy = out ?? newAnswer(length);
    this.copy(address, length, copy, 0);
    return copy;
  }

  /** A copy of what is secret; the original is wiped. */
  takeSecret(address: Address, length: number, out: Bytes = secret(length)): Bytes {
    this.copy(address, length, out, 0);
    this.wipe(address, length);
    return out;
  }

  copy(address: Address, length: number, target: Bytes, offset: number): void {
    this.#source.copy(target, offset, address, address + length);
  }

  wipe(address: Address, length: number): void {
    this.memory.fill(0, address, address + length);
  }

  /** All of them; KEY is the first. */
  wipeWindows(): void {
    this.wipe(this.at.KEY, this.memory.length - this.at.KEY);
  }

  /** Passes `bytes` of any length through DATA, then wipes that. */
  stream(bytes: Bytes, use: (address: Address, length: number) => void): void {
    const { DATA, DATA_SIZE } = this.at;
    for (let offset = 0; offset < bytes.length; offset += DATA_SIZE) {
      const part = bytes.length <= DATA_SIZE ? bytes : bytes.subarray(offset, offset + DATA_SIZE);
      this.write(DATA, part);
      use(DATA, part.length);
    }
    this.wipe(DATA, Math.min(bytes.length, DATA_SIZE));
  }
}
