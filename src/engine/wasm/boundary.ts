import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { ciphertextOverhead, headerLength } from "../../model/ciphertext.ts";
import { type HbkUsage, usageCode } from "../../model/hbk.ts";
import type { Boundary } from "../boundary.ts";
import { EntropySource, personalization } from "../entropy.ts";
import { assertLength, assertWithin, isWrapped, keyLength } from "../lengths.ts";
import type { Core } from "./core.ts";
import { failureOf, notAuthentic, refused } from "./status.ts";

const idLength = 16;
const longestMaterial = 4096;
const longestCommitment = 4096;
const longestPlaintext = 4096;
const longestAad = 16_384;
/** Longer than any token of this suite: 566 of head, 34 of name, 28 of IV and tag, 4,096 of material. */
const longestToken = 8192;
/** Of each request's fresh entropy; the additional input of the DRBG is 48, zero-padded. */
const freshLength = 32;

/**
 * The boundary inside one instance of the module: keys in the clear are in its linear memory only. Tokens are parsed and
 * authenticated there, kinds and usages checked there. This class checks lengths, carries arguments in and results out,
 * and wipes what it carried.
 */
export class WasmBoundary implements Boundary {
  readonly #instance: Core;
  readonly #entropy: EntropySource;
  /** Where the next request's entropy goes: read into the linear memory, it is never anywhere else. */
  readonly #fresh: Bytes;
  /** Why every call throws. */
  #stopped: string | undefined;

  constructor(core: Core, entropy = new EntropySource()) {
    this.#instance = core;
    this.#entropy = entropy;
    const { ENTROPY } = core.at;
    this.#fresh = core.memory.subarray(ENTROPY, ENTROPY + freshLength);
    entropy.fill(core.memory.subarray(ENTROPY, ENTROPY + 48));
    core.write(core.at.PERSONALIZATION, personalization());
    core.call.drbgInstantiate(core.at.ENTROPY, core.at.PERSONALIZATION);
    core.wipeWindows();
  }

  setRoot(key: Bytes): void {
    assertLength(key, keyLength);
    const core = this.#core;
    core.write(core.at.KEY, key);
    this.#answered(core.call.setRoot());
  }

  generateDomainKey(id: Bytes): void {
    const core = this.#withId(id);
    this.#refresh();
    this.#answered(core.call.generateDomainKey());
  }

  sealDomainKey(id: Bytes): Bytes {
    const core = this.#withId(id);
    this.#refresh();
    return core.read(core.at.DATA, this.#answered(core.call.sealDomainKey()));
  }

  openDomainKey(id: Bytes, sealed: Bytes): boolean {
    const core = this.#withId(id);
    if (sealed.length !== 60) return false;
    core.write(core.at.DATA, sealed);
    return this.#authentic(core.call.openDomainKey()) !== null;
  }

  dropDomainKey(id: Bytes): void {
    this.#withId(id).call.dropDomainKey();
  }

  generate(head: Bytes, length: number): Bytes {
    assertWithin(length, 16, 64);
    const core = this.#withToken(head);
    this.#refresh();
    return this.#token(core.call.generate(head.length, length));
  }

  import(head: Bytes, material: Bytes): Bytes {
    assertWithin(material.length, 1, longestMaterial);
    const core = this.#withToken(head);
    this.#refresh();
    core.write(core.at.DATA, material);
    return this.#token(core.call.importMaterial(head.length, material.length));
  }

  importExposed(head: Bytes, commitment: Bytes, material: Bytes): Bytes {
    assertWithin(material.length, 1, longestMaterial);
    assertWithin(commitment.length, 1, longestCommitment);
    const core = this.#withToken(head);
    this.#refresh();
    core.write(core.at.AAD, commitment);
    core.write(core.at.DATA, material);
    return this.#token(core.call.importExposed(head.length, material.length, commitment.length));
  }

  expose(ekt: Bytes, usage: HbkUsage): Bytes {
    const core = this.#withToken(ekt);
    return core.takeSecret(core.at.MATERIAL, this.#answered(core.call.expose(ekt.length, usageCode(usage))));
  }

  rewrap(ekt: Bytes, head: Bytes): Bytes {
    const core = this.#withTokens(ekt, head);
    this.#refresh();
    return core.read(core.at.TOKEN2, this.#answered(core.call.rewrap(ekt.length, head.length)));
  }

  release(ekt: Bytes): Bytes {
    const core = this.#withToken(ekt);
    return core.takeSecret(core.at.MATERIAL, this.#answered(core.call.release(ekt.length)));
  }

  encrypt(ekt: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
    assertWithin(plaintext.length, 0, longestPlaintext);
    const core = this.#withToken(ekt);
    this.#writeAad(core.at.AAD, aad);
    this.#refresh();
    core.write(core.at.DATA, plaintext);
    return this.#ciphertext(core.call.encrypt(ekt.length, aad.length, plaintext.length));
  }

  decrypt(ekt: Bytes, aad: Bytes, ciphertext: Bytes): Bytes | null {
    const core = this.#withToken(ekt);
    this.#writeAad(core.at.AAD, aad);
    const length = this.#authentic(core.call.decrypt(ekt.length, aad.length, this.#writeCiphertext(ciphertext)));
    return length === null ? null : core.takeSecret(core.at.DATA, length);
  }

  generateDataKey(ekt: Bytes, aad: Bytes, length: number, want: "both" | "ciphertext") {
    assertWithin(length, 1, 1024);
    const core = this.#withToken(ekt);
    this.#writeAad(core.at.AAD, aad);
    this.#refresh();
    const kept = want === "both";
    const ciphertext = this.#ciphertext(core.call.encryptRandom(ekt.length, aad.length, length, kept ? 1 : 0));
    return kept ? { ciphertext, plaintext: core.takeSecret(core.at.PLAINTEXT, length) } : { ciphertext };
  }

  reEncrypt(
    source: { ekt: Bytes; aad: Bytes; ciphertext: Bytes },
    destination: { ekt: Bytes; aad: Bytes },
  ): Bytes | null {
    const core = this.#withTokens(source.ekt, destination.ekt);
    this.#writeAad(core.at.AAD, source.aad);
    this.#writeAad(core.at.AAD2, destination.aad);
    const length = this.#writeCiphertext(source.ciphertext);
    this.#refresh();
    const status = core.call.reEncrypt(
      source.ekt.length,
      source.aad.length,
      length,
      destination.ekt.length,
      destination.aad.length,
    );
    return this.#authentic(status) === null ? null : this.#ciphertext(status);
  }

  mac(ekt: Bytes, message: Bytes): Bytes {
    const core = this.#withToken(ekt);
    const { call, at } = core;
    const first = message.subarray(0, at.DATA_SIZE);
    core.write(at.DATA, first);
    this.#answered(call.macStart(ekt.length, first.length));
    core.stream(message, call.hmacUpdate);
    call.hmacFinish(at.TAG);
    return core.takeSecret(at.TAG, 32);
  }

  wrapFor(ekt: Bytes, transportKey: Bytes): Bytes {
    assertLength(transportKey, keyLength);
    const core = this.#withToken(ekt);
    core.write(core.at.KEY, transportKey);
    const length = this.#answered(core.call.wrapFor(ekt.length));
    core.wipe(core.at.KEY, keyLength);
    return core.read(core.at.DATA, length);
  }

  unwrapFrom(head: Bytes, hbkId: Bytes, transportKey: Bytes, wrapped: Bytes): Bytes {
    assertLength(transportKey, keyLength);
    assertLength(hbkId, 32);
    const core = this.#withToken(head);
    if (!isWrapped(wrapped, longestMaterial)) this.#answered(refused);
    this.#refresh();
    core.write(core.at.TAG, hbkId);
    core.write(core.at.KEY, transportKey);
    core.write(core.at.DATA, wrapped);
    const token = this.#token(core.call.unwrapFrom(head.length, wrapped.length));
    core.wipe(core.at.KEY, keyLength);
    return token;
  }

  random(length: number): Bytes {
    assertWithin(length, 1, 1024);
    const core = this.#core;
    this.#refresh();
    core.call.drbgDraw(core.at.DATA, length);
    return core.takeSecret(core.at.DATA, length);
  }

  close(): void {
    if (this.#stopped === undefined) this.#entropy.close();
    this.#stop("the boundary is closed");
  }

  get #core(): Core {
    if (this.#stopped !== undefined) throw new HsmError("internal", this.#stopped);
    return this.#instance;
  }

  #stop(reason: string): void {
    this.#stopped ??= reason;
    this.#instance.call.wipe();
  }

  /** Fresh entropy for the one request to the DRBG that the next call makes. */
  #refresh(): void {
    try {
      this.#entropy.fill(this.#fresh);
    } catch (error) {
      this.#stop("the random generator has failed");
      throw error;
    }
  }

  #withId(id: Bytes): Core {
    assertLength(id, idLength);
    const core = this.#core;
    core.write(core.at.ID, id);
    return core;
  }

  /** A token or a head. */
  #withToken(token: Bytes): Core {
    const core = this.#core;
    if (token.length > longestToken) this.#answered(refused);
    core.write(core.at.TOKEN, token);
    return core;
  }

  #withTokens(token: Bytes, second: Bytes): Core {
    const core = this.#withToken(token);
    if (second.length > longestToken) this.#answered(refused);
    core.write(core.at.TOKEN2, second);
    return core;
  }

  #writeAad(address: number, aad: Bytes): void {
    assertWithin(aad.length, 0, longestAad);
    this.#core.write(address + headerLength, aad);
  }

  /** What cannot be a ciphertext goes in as 78 zeros, which are not one: the token is opened first all the same. */
  #writeCiphertext(ciphertext: Bytes): number {
    const { memory, at } = this.#core;
    const { length } = ciphertext;
    if (length < ciphertextOverhead || length > ciphertextOverhead + longestPlaintext) {
      memory.fill(0, at.DATA - headerLength, at.DATA - headerLength + ciphertextOverhead);
      return ciphertextOverhead;
    }
    memory.set(ciphertext, at.DATA - headerLength);
    return length;
  }

  #token(status: number): Bytes {
    const core = this.#core;
    return core.read(core.at.TOKEN, this.#answered(status));
  }

  #ciphertext(status: number): Bytes {
    const core = this.#core;
    return core.read(core.at.DATA - headerLength, this.#answered(status));
  }

  /** The length that a call answered, or null: not authentic. */
  #authentic(status: number): number | null {
    if (status !== notAuthentic) return this.#answered(status);
    this.#core.wipeWindows();
    return null;
  }

  /** The length that a call answered. One that failed leaves nothing in the windows. */
  #answered(status: number): number {
    if (status >= 0) return status;
    this.#core.wipeWindows();
    throw failureOf(status);
  }
}
