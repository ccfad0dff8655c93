import { createHmac } from "node:crypto";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { wipe } from "../base/secret.ts";
import { HmacKey } from "./hmac-key.ts";

/** What a signing key is derived from and bound to. */
export interface KeyScope {
  readonly accessKeyId: string;
  /** YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface KeySource {
  /** Changes whenever the secret or its owner does. */
  readonly revision: number;
  /** HMAC-SHA256("AWS4" ‖ secret, date), computed where the secret is. The answer is wiped by who asked. */
  kDate(date: string): Promise<Bytes>;
}

interface Entry {
  /** Its name without the revision. */
  readonly scope: string;
  readonly revision: number;
  /** Of no use from then on, in milliseconds since the epoch. */
  readonly expires: number;
  readonly key: HmacKey;
}

/** A key is made at earliest five minutes before its day begins, and serves until five minutes after its end. */
const lifetime = (24 * 60 + 10) * 60 * 1000;

/** The signing keys of the day: a client costs one call of the HSM a day. Bounded; what is dropped is wiped. */
export class SigningKeys {
  /** The most recently used last. */
  readonly #entries = new Map<string, Entry>();
  /** One derivation serves all who wait for it. */
  readonly #deriving = new Map<string, Promise<void>>();
  readonly #clock: Clock;
  readonly #limit: number;

  constructor(clock: Clock, limit = 1000) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** HMAC-SHA256 of `text` under the signing key, in hexadecimal. Failures are those of `kDate`. */
  async sign(scope: KeyScope, source: KeySource, text: string): Promise<string> {
    const name = `${nameOf(scope)}/${source.revision}`;
    for (;;) {
      const entry = this.#entries.get(name);
      if (entry) {
        this.#entries.delete(name);
        this.#entries.set(name, entry);
        // At once: a key held across an await could be wiped meanwhile, and a signature under zeros be accepted.
        return entry.key.mac(text);
      }
      let deriving = this.#deriving.get(name);
      if (!deriving) {
        deriving = this.#derive(name, scope, source).finally(() => this.#deriving.delete(name));
        this.#deriving.set(name, deriving);
      }
      await deriving;
    }
  }

  clear(): void {
    for (const [name, entry] of this.#entries) this.#drop(name, entry);
  }

  async #derive(name: string, scope: KeyScope, source: KeySource): Promise<void> {
    const kDate = await source.kDate(scope.date);
    const kRegion = hmac(kDate, scope.region);
    const kService = hmac(kRegion, scope.service);
    const kSigning = hmac(kService, "aws4_request");
    const entry: Entry = {
      scope: nameOf(scope),
      revision: source.revision,
      expires: this.#clock.real() + lifetime,
      key: new HmacKey(kSigning),
    };
    wipe(kDate, kRegion, kService, kSigning);
    this.#makeRoomFor(entry);
    this.#entries.set(name, entry);
  }

  #makeRoomFor({ scope, revision }: Entry): void {
    const now = this.#clock.real();
    for (const [name, entry] of this.#entries) {
      const outdated = entry.expires <= now || (entry.scope === scope && entry.revision < revision);
      if (outdated || this.#entries.size >= this.#limit) this.#drop(name, entry);
    }
  }

  #drop(name: string, entry: Entry): void {
    entry.key.wipe();
    this.#entries.delete(name);
  }
}

const nameOf = ({ accessKeyId, date, region, service }: KeyScope): string =>
  `${accessKeyId}/${date}/${region}/${service}`;

const hmac = (key: Bytes, text: string): Bytes => createHmac("sha256", key).update(text).digest();
