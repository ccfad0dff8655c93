import { type Bytes, concat, utf8 } from "../../../base/bytes.ts";
import { secret } from "../../../base/secret.ts";
import { personalization } from "../../../engine/entropy.ts";
import { load, type SessionPoolState } from "../../../engine/native/addon.ts";
import { answered, failureOf, moduleFailed, notAuthentic } from "../../../engine/native/status.ts";
import { type Pkcs11Boundary, pkcs11Boundaries } from "../../config.ts";
import type { Attributes } from "./attributes.ts";
import { layTemplate, type Mechanism, moduleFailure, octetsOf } from "./native-cryptoki.ts";

/** Of native/job.h. */
const functions = [
  ...["C_OpenSession", "C_GenerateRandom", "C_Sign", "C_Decrypt"],
  ...["C_Encrypt", "C_CreateObject", "C_DeriveKey", "C_DestroyObject"],
];
const headLength = 24;

/** Where the key of a call is, in the order of native/session.h, and what it is as an object of the token. */
export interface CallKeys {
  readonly boundary: Pkcs11Boundary;
  readonly attributes: Attributes;
}

/** A key that jobs work with: it must be there until they are done. */
export interface JobKey {
  /** 8 octets. */
  readonly handle: Bytes;
  /** HBK id 32 ‖ key id 16 ‖ suite 1. */
  readonly identity: Bytes;
  /** How many jobs work with it. */
  jobs: number;
}

interface Job {
  readonly keys: readonly JobKey[];
  resolve(answer: Bytes | null): void;
  reject(error: unknown): void;
}

/**
 * Sessions of one token, each with a thread of its own in which whole operations of requests are done: the calls of the
 * module, and what this process does with their answers, without a line of JavaScript in between. Answers are memory that
 * can be wiped. What a function of the module answers to a session once is tried again in a new one; what it answers
 * twice is a `CryptokiError`.
 */
export class SessionPool {
  /** How many the module opened of those that were wanted. */
  readonly sessions: number;
  readonly #state: SessionPoolState;
  readonly #jobs = new Map<number, Job>();
  readonly #released: (key: JobKey) => void;
  #last = 0;

  /** `released` is told of each key that the last job has left. */
  constructor(
    path: string,
    slot: Bytes,
    sessions: number,
    { boundary, attributes }: CallKeys,
    released: (key: JobKey) => void,
  ) {
    const terminated = (text: string) => concat(utf8(text), new Uint8Array(1));
    this.#released = released;
    this.#state = new (load().SessionPool)();
    const collect = () => this.#collect();
    this.sessions = answered(
      this.#state.open(
        terminated(path),
        slot,
        sessions,
        terminated("/dev/urandom"),
        personalization(),
        pkcs11Boundaries.indexOf(boundary),
        layTemplate(attributes),
        collect,
      ),
    );
  }

  /** `header ‖ ciphertext ‖ tag`, of model/ciphertext.ts. */
  seal(key: JobKey, plaintext: Bytes, aad: Bytes): Promise<Bytes> {
    return this.#do([key], (job) => this.#state.seal(job, key.handle, key.identity, aad, plaintext)) as Promise<Bytes>;
  }

  /** null: not authentic. */
  open(key: JobKey, ciphertext: Bytes, aad: Bytes): Promise<Bytes | null> {
    return this.#do([key], (job) => this.#state.unseal(job, key.handle, key.identity, aad, ciphertext));
  }

  /** A ciphertext over a new key of `length`, and that key behind it if it is `wanted`. */
  dataKey(key: JobKey, length: number, aad: Bytes, wanted: boolean): Promise<Bytes> {
    return this.#do([key], (job) =>
      this.#state.dataKey(job, key.handle, key.identity, aad, length, Number(wanted)),
    ) as Promise<Bytes>;
  }

  /** null: not authentic. */
  reEncrypt(from: JobKey, ciphertext: Bytes, aad: Bytes, to: JobKey, toAad: Bytes): Promise<Bytes | null> {
    return this.#do([from, to], (job) =>
      this.#state.reEncrypt(job, from.handle, from.identity, aad, ciphertext, to.handle, to.identity, toAad),
    );
  }

  sign(mechanism: Mechanism, key: JobKey, data: Bytes): Promise<Bytes> {
    return this.#do([key], (job) => this.#state.sign(job, key.handle, octetsOf(mechanism), data)) as Promise<Bytes>;
  }

  /** Is not tried again. */
  decrypt(mechanism: Mechanism, key: JobKey, ciphertext: Bytes): Promise<Bytes> {
    return this.#do([key], (job) =>
      this.#state.decrypt(job, key.handle, octetsOf(mechanism), ciphertext),
    ) as Promise<Bytes>;
  }

  random(length: number): Promise<Bytes> {
    return this.#do([], (job) => this.#state.random(job, length)) as Promise<Bytes>;
  }

  /** For how many milliseconds the longest job that is being done has been. */
  get longest(): number {
    return answered(this.#state.longest());
  }

  /** Once, when every job is done. */
  close(): void {
    answered(this.#state.close());
  }

  #do(keys: readonly JobKey[], submit: (job: number) => number): Promise<Bytes | null> {
    this.#last = (this.#last + 1) & 0x7fff_ffff;
    const number = this.#last;
    answered(submit(number));
    for (const key of keys) key.jobs += 1;
    return new Promise((resolve, reject) => {
      this.#jobs.set(number, { keys, resolve, reject });
    });
  }

  #collect(): void {
    for (let size = answered(this.#state.finished()); size > 0; size = answered(this.#state.finished())) {
      const answers = secret(size);
      this.#settle(answers.subarray(0, answered(this.#state.collect(answers))));
    }
  }

  #settle(answers: Bytes): void {
    const view = new DataView(answers.buffer);
    for (let at = 0; at < answers.length; ) {
      const number = view.getUint32(at, true);
      const status = view.getInt32(at + 4, true);
      const length = view.getUint32(at + 20, true);
      const job = this.#jobs.get(number) as Job;
      this.#jobs.delete(number);
      for (const key of job.keys) if (--key.jobs === 0) this.#released(key);
      if (status >= 0) job.resolve(answers.subarray(at + headLength, at + headLength + length));
      else if (status === notAuthentic) job.resolve(null);
      else if (status !== moduleFailed) job.reject(failureOf(status));
      else {
        const name = functions[view.getUint32(at + 16, true)] as string;
        job.reject(moduleFailure(name, Number(view.getBigUint64(at + 8, true))));
      }
      at += headLength + Math.ceil(length / 8) * 8;
    }
  }
}
