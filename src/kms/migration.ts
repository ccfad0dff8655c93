import type { Principals } from "../access/principals.ts";
import { ConfigError, HsmError } from "../base/errors.ts";
import type { HsmAdmin, TransportKey } from "../hsm/admin.ts";
import type { Ekt, Hsm } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { openHsmAdmin } from "../hsm/index.ts";
import type { Member } from "../hsm/member.ts";
import { admit, type OfficerPins } from "../hsm/officers.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { parseEkt } from "../model/ekt.ts";
import type { SealedStore } from "../store/sealed.ts";
import { DomainRecords } from "./domain-record.ts";
import { changeTokens, eachToken } from "./key-tokens.ts";
import { domainKeyOf } from "./records.ts";
import { isRefusal, nameOf, Source } from "./transfer.ts";

export interface MigrationParts {
  readonly store: SealedStore;
  readonly principals: Principals;
  readonly hsms: HsmSet;
}

/** A key that stays where it is. */
export interface Obstacle {
  readonly key: string;
  readonly reason: string;
}

export interface MigrationReport {
  /** Versions of KMS keys' material. */
  readonly moved: number;
  readonly left: readonly Obstacle[];
}

/**
 * Moves every key from one HSM to another, under the target's transport key, while services work with both. Each key is a
 * commit of its own: what a crash leaves is for the next run.
 */
export class Migration {
  readonly #parts: MigrationParts;
  readonly #source: Source;
  readonly #target: HsmAdmin;
  readonly #targetHsm: Hsm;
  readonly #transport: TransportKey;

  private constructor(parts: MigrationParts, source: Source, target: HsmAdmin, hsm: Hsm, transport: TransportKey) {
    this.#parts = parts;
    this.#source = source;
    this.#target = target;
    this.#targetHsm = hsm;
    this.#transport = transport;
  }

  /** ConfigError when services may not be ready for it. */
  static async open(parts: MigrationParts, from: Member, to: Member): Promise<Migration> {
    if (from === to) throw new ConfigError("a key cannot be moved to where it is");
    const { hsms } = parts;
    const { specs, replicaOf } = from.configured;
    if (hsms.keepers.includes(from) || specs !== undefined || replicaOf !== undefined) {
      throw new ConfigError(
        `new keys are made in the HSM ${from.name}: put another first, leave it neither specs nor replicaOf, restart the service, and migrate then`,
      );
    }
    const target = await openHsmAdmin(to.config);
    let source: Source | undefined;
    try {
      await assertServed(parts.store, to.name, target);
      source = await Source.open({ name: from.name, hsm: from.config });
      return new Migration(parts, source, target, to.hsm, await target.transportKey());
    } catch (error) {
      await source?.close();
      await target.close();
      throw error;
    }
  }

  get fingerprint(): string {
    return this.#transport.fingerprint;
  }

  /** The ceremony's end: ConfigError unless the operator has read this very fingerprint on the target's console. */
  async pin(fingerprint: string, officers: OfficerPins = {}): Promise<void> {
    if (fingerprint !== this.#transport.fingerprint) {
      throw new ConfigError("the fingerprint is not that of the target's transport key: nothing has been moved");
    }
    await admit([this.#source], this.#transport, officers);
  }

  /** The keys that cannot move, by what the HSMs say of themselves. */
  async foresee(): Promise<Obstacle[]> {
    const obstacles: Obstacle[] = [];
    await eachToken(this.#parts, (tokens) => {
      const leaving = tokens.find((ekt) => this.#source.holds(ekt));
      const reason = leaving && this.#foreseen(leaving);
      if (leaving && reason !== undefined) obstacles.push({ key: nameOf(leaving), reason });
    });
    return obstacles;
  }

  /** The keys that cannot move, after each has been tried: the token that the target makes is thrown away. Pin first. */
  async rehearse(): Promise<Obstacle[]> {
    const obstacles: Obstacle[] = [];
    await changeTokens(this.#parts, async (tokens) => {
      await this.#moved(tokens, obstacles);
      return tokens;
    });
    return obstacles;
  }

  /** Pin first. `progress` is told how many of the keys that are in the source now have been tried. */
  async run(progress: (done: number, all: number) => void = () => undefined): Promise<MigrationReport> {
    let all = 0;
    await eachToken(this.#parts, (tokens) => {
      if (tokens.some((ekt) => this.#source.holds(ekt))) all += 1;
    });
    let [moved, done] = [0, 0];
    for (;;) {
      const left: Obstacle[] = [];
      const count = await changeTokens(this.#parts, async (tokens) => {
        const after = await this.#moved(tokens, left);
        if (done < all && tokens.some((ekt) => this.#source.holds(ekt))) progress(++done, all);
        return after;
      });
      moved += count;
      // What was changed by others meanwhile, or made in the source by a service, is met by the next pass.
      if (count === 0) return { moved, left };
    }
  }

  async close(): Promise<void> {
    await this.#source.close();
    await this.#target.close();
  }

  #foreseen(ekt: Ekt): string | undefined {
    const { spec, usage } = parseEkt(ekt).meta;
    const { admin } = this.#source;
    const kept = admin.keptReason(ekt);
    if (kept !== undefined) return kept;
    if (this.#transport.direct && admin.info.driver === "soft") return "the target lacks RFC 5649 key wrap (KWP)";
    return usage === "INTERNAL" ? undefined : this.#targetHsm.refusal(spec, usage);
  }

  async #moved(tokens: Tokens, obstacles: Obstacle[]): Promise<Tokens> {
    const leaving = tokens.find((ekt) => this.#source.holds(ekt));
    if (!leaving) return tokens;
    const [first, ...others] = tokens.filter((ekt) => !this.#source.holds(ekt));
    if (first && [first, ...others].some((ekt) => this.#targetHsm.holds(domainKeyOf(ekt)))) return [first, ...others];
    const { meta, hbkId } = parseEkt(leaving);
    try {
      const foreseen = this.#foreseen(leaving);
      if (foreseen !== undefined) throw new HsmError("unsupported", foreseen);
      const material = await this.#source.admin.exportTo(leaving, this.#transport);
      const token = await this.#target.importFrom(meta, hbkId, material);
      return [token, ...(first ? [first, ...others] : [])];
    } catch (error) {
      if (!isRefusal(error)) throw error;
      obstacles.push({ key: nameOf(leaving), reason: error.message });
      return tokens;
    }
  }
}

/** A service that was started without the target would find no HSM for a key that has moved. */
async function assertServed(store: SealedStore, name: string, target: HsmAdmin): Promise<void> {
  const active = (await target.domainKeys()).find(({ state }) => state === "active");
  const record = await new DomainRecords(store).read(name);
  if (record === undefined || record.value.active !== active?.id) {
    throw new ConfigError(`no service has been started with the HSM ${name} yet: start it with both, and migrate then`);
  }
}
