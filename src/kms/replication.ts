import type { Principals } from "../access/principals.ts";
import type { Clock } from "../base/clock.ts";
import { HsmError } from "../base/errors.ts";
import type { HsmAdmin } from "../hsm/admin.ts";
import type { HsmConfig } from "../hsm/config.ts";
import type { Ekt } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import type { Member } from "../hsm/member.ts";
import { copyLacks, sharedDomainKeys } from "../hsm/shared-domain.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { parseEkt } from "../model/ekt.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Write } from "../store/store.ts";
import { changeTokens, changeTokensAt } from "./key-tokens.ts";
import { domainKeyOf } from "./records.ts";

export interface ReplicationParts {
  readonly store: SealedStore;
  readonly principals: Principals;
  readonly hsms: HsmSet;
  readonly forget: (writes: readonly Write[]) => void;
  readonly openAdmin: (config: HsmConfig) => Promise<HsmAdmin>;
  readonly clock: Clock;
}

const minute = 60_000;
/** Between two looks at every key; sooner where one has been left behind. */
const scanPeriod = { complete: 10 * minute, incomplete: minute };

/**
 * Wraps every key for each HSM that is a replica of the one it was made in, or the other way round: under the transport key
 * that has been pinned in the HSM that holds it. Not while a key is made: what answers requests holds no administration of
 * an HSM, so that it can export nothing.
 */
export class Replication {
  readonly #parts: ReplicationParts;
  /** Paths of HBKs that have been made since. */
  readonly #made = new Set<string>();
  #nextScan = 0;
  #told = "";

  constructor(parts: ReplicationParts) {
    this.#parts = parts;
  }

  /** Whether any HSM is a replica. */
  get isNeeded(): boolean {
    return this.#parts.hsms.members.some(({ configured }) => configured.replicaOf !== undefined);
  }

  /** `path`: of an HBK that has just been committed. */
  note(path: string): void {
    this.#made.add(path);
  }

  /** Sees to what has been made since the last run, and to every key from time to time; throws, once, what it cannot do. */
  async run(): Promise<void> {
    const now = this.#parts.clock.real();
    const isDue = now >= this.#nextScan;
    if (!isDue && this.#made.size === 0) return;
    const made = [...this.#made];
    this.#made.clear();
    const run = new Run(this.#parts);
    try {
      if (isDue) await changeTokens(this.#parts, (tokens) => run.replicated(tokens));
      else for (const path of made) await changeTokensAt(this.#parts, path, (tokens) => run.replicated(tokens));
    } finally {
      await run.close();
    }
    if (run.left.size > 0) this.#nextScan = now + scanPeriod.incomplete;
    else if (isDue) this.#nextScan = now + scanPeriod.complete;
    this.#tell([...run.left].map(([reason, count]) => `${reason} (${count} keys)`).join("; "));
  }

  #tell(left: string): void {
    const isNews = left !== "" && left !== this.#told;
    this.#told = left;
    if (isNews) throw new HsmError("unavailable", `not every key is in every HSM that should hold it: ${left}`);
  }
}

/** HSMs are opened for administration when they are first needed, and closed at the end. */
class Run {
  /** Reasons, and how many keys were left for each. */
  readonly left = new Map<string, number>();
  readonly #parts: ReplicationParts;
  readonly #admins = new Map<Member, Promise<HsmAdmin>>();
  readonly #copies = new Map<string, Promise<boolean>>();

  constructor(parts: ReplicationParts) {
    this.#parts = parts;
  }

  async replicated(tokens: Tokens): Promise<Tokens> {
    const holders = this.#holdersOf(tokens);
    const [source] = holders;
    if (!source) return tokens;
    let replicated = tokens;
    for (const target of this.#parts.hsms.replicasOf(source.member)) {
      if (holders.some(({ member }) => member === target)) continue;
      const ekt = await this.#copy(source.ekt, source.member, target);
      if (ekt) replicated = [...replicated, ekt];
    }
    return replicated;
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#admins.values());
    await Promise.all(opened.map((one) => one.status === "fulfilled" && one.value.close()));
  }

  #holdersOf(tokens: Tokens): readonly { readonly member: Member; readonly ekt: Ekt }[] {
    return tokens.flatMap((ekt) => this.#parts.hsms.of(ekt).map((member) => ({ member, ekt })));
  }

  /** undefined: it stays where it is, for now or, where the target has no such keys, for good. */
  async #copy(ekt: Ekt, source: Member, target: Member): Promise<Ekt | undefined> {
    const { meta, hbkId } = parseEkt(ekt);
    const { spec, usage } = meta;
    if (usage !== "INTERNAL" && target.opened?.refusal(spec, usage) !== undefined) return undefined;
    try {
      const [from, to] = [await this.#admin(source), await this.#admin(target)];
      if (await this.#isCopy(source, target)) {
        if (target.hsm.holds(domainKeyOf(ekt))) return undefined;
        throw new HsmError("unavailable", copyLacks(target.name, source.name, domainKeyOf(ekt)));
      }
      return await to.importFrom(meta, hbkId, await from.exportTo(ekt, await to.transportKey()));
    } catch (error) {
      const reason = `${source.name} to ${target.name}: ${(error as Error).message}`;
      this.left.set(reason, (this.left.get(reason) ?? 0) + 1);
      return undefined;
    }
  }

  /** One that has shared a domain key is to have the newer ones, too: tokens of both would be each other's to wrap anew. */
  #isCopy(source: Member, target: Member): Promise<boolean> {
    const pair = `${source.name} ${target.name}`;
    const found = this.#copies.get(pair) ?? this.#sharesOne(source, target);
    this.#copies.set(pair, found);
    return found;
  }

  /** The target then knows all that it has. */
  async #sharesOne(source: Member, target: Member): Promise<boolean> {
    const ours = await (await this.#admin(source)).domainKeys();
    const theirs = await (await this.#admin(target)).domainKeys();
    if (sharedDomainKeys(ours, theirs).length === 0) return false;
    await target.hsm.reload();
    return true;
  }

  /** One that does not open is not tried again in this run. */
  #admin(member: Member): Promise<HsmAdmin> {
    const opened = this.#admins.get(member) ?? this.#parts.openAdmin(member.config);
    this.#admins.set(member, opened);
    return opened;
  }
}
