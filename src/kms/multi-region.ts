import type { AuditEvent } from "../audit/audit.ts";
import { fromUtf8 } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { readTokens, type Tokens } from "../hsm/tokens.ts";
import type { HbkRecord, KeyRecord } from "../model/key.ts";
import { isPrimary, type KeySet, otherRegions, sharedMaterials } from "../model/multi-region.ts";
import type { Expectation, Store, Write } from "../store/store.ts";
import { callOff, plan } from "./agenda.ts";
import type { DomainRecords } from "./domain-record.ts";
import { keyEvent } from "./events.ts";
import { settled } from "./imported-material.ts";
import { othersOf } from "./key-set.ts";
import { hbkOver } from "./material.ts";
import { hbkPath, removedPath, type Versioned, writeHbk, writeKey, writeRemoved } from "./records.ts";

export interface MultiRegionParts {
  readonly store: Pick<Store, "get">;
  readonly hsms: HsmSet;
  readonly domain: DomainRecords;
}

/** Goes into the commit of what it follows. */
export interface Consequence {
  readonly writes: readonly Write[];
  readonly expectations: readonly Expectation[];
  readonly events: readonly AuditEvent[];
}

export const noConsequence: Consequence = { writes: [], expectations: [], events: [] };

/**
 * Keys that are in several regions. All regions are in one store, so a set of keys changes in one commit: no key is ever
 * seen in the states Creating and Updating, through which AWS's go.
 */
export class MultiRegion {
  readonly #parts: MultiRegionParts;

  constructor(parts: MultiRegionParts) {
    this.#parts = parts;
  }

  /** The keys of the set in other regions. */
  others(key: KeyRecord): Promise<readonly Versioned<KeyRecord>[]> {
    return othersOf(this.#parts.store, key);
  }

  /** What the other keys of a set share with `key`, its primary, as it will be; `tokens` of an HBK that is new. */
  async share(key: KeyRecord, tokens?: Tokens): Promise<Consequence> {
    const others = isPrimary(key) ? await this.others(key) : [];
    if (others.length === 0) return noConsequence;
    const changes = others.map(({ value, revision }) => this.#shared(key, value, revision, tokens));
    const shared = await Promise.all(changes);
    return {
      writes: shared.flatMap(({ writes }) => writes),
      expectations: shared.flatMap(({ expectations }) => expectations),
      events: [keyEvent("SynchronizeMultiRegionKey", key)],
    };
  }

  /** A new replica in a region, with all of the material that is not imported. `own` is what it does not share. */
  async replica(key: KeyRecord, own: Pick<KeyRecord, "region" | "description" | "policy" | "tags" | "createdAt">) {
    const { region } = own;
    const { primary, replicas } = key.multiRegion ?? { primary: key.region, replicas: [] };
    const multiRegion = { primary, replicas: [...replicas, region] };
    const { rotation, id, account, spec, cipher, usage, origin, publicKey, hbkId } = key;
    const record: KeyRecord = {
      ...{ id, account, spec, ...(cipher && { cipher }), usage, origin, ...own, multiRegion, aliases: [] },
      state: origin === "EXTERNAL" ? "PendingImport" : "Enabled",
      ...(publicKey !== undefined && { publicKey }),
      ...(hbkId !== undefined && { hbkId }),
      ...(rotation && { rotation }),
      materials: sharedMaterials(key, []),
    };
    const materials = await Promise.all(
      record.materials.map(async (material) =>
        origin === "EXTERNAL"
          ? { writes: await this.#awaited(record, material.hbkId), expectations: [] }
          : this.#replicated(key, await this.#tokensOf(key, material.hbkId), region),
      ),
    );
    return {
      record,
      multiRegion,
      writes: [
        writeKey(record, 0),
        ...materials.flatMap((material) => material.writes),
        ...(await this.#regrouped(key, multiRegion)),
      ],
      expectations: materials.flatMap((material) => material.expectations),
    };
  }

  /** `key`, a primary, and the one in `region` change places. */
  async movePrimary(key: KeyRecord, revision: number, region: string): Promise<Consequence> {
    const others = otherRegions(key).filter((other) => other !== region);
    const multiRegion = { primary: region, replicas: [...others, key.region] };
    const { rotation } = key;
    const agenda = rotation
      ? [callOff("rotation", key, rotation.planned), plan("rotation", { ...key, region }, rotation.next, 0)]
      : [];
    const set = await this.#regrouped(key, multiRegion);
    return { ...noConsequence, writes: [writeKey(regrouped(key, multiRegion), revision), ...set, ...agenda] };
  }

  async #shared(key: KeyRecord, other: KeyRecord, revision: number, tokens: Tokens | undefined) {
    const { rotation: _, ...kept } = other;
    const { hbkId, publicKey, rotation } = key;
    const next = settled({
      ...kept,
      ...(hbkId !== undefined && { hbkId }),
      ...(publicKey !== undefined && { publicKey }),
      ...(rotation && { rotation }),
      materials: sharedMaterials(key, other.materials),
    });
    const made = tokens ? await this.#replicated(key, tokens, other.region) : noConsequence;
    const awaited = next.materials.filter(
      (material) => !other.materials.some((known) => known.hbkId === material.hbkId),
    );
    const names = key.origin === "EXTERNAL" ? awaited.map((material) => this.#awaited(other, material.hbkId)) : [];
    return {
      writes: [writeKey(next, revision), ...made.writes, ...(await Promise.all(names)).flat()],
      expectations: made.expectations,
    };
  }

  /** The others of a key's set, which becomes this one. */
  async #regrouped(key: KeyRecord, multiRegion: KeySet): Promise<Write[]> {
    const others = await this.others(key);
    return others.map(({ value, revision }) => writeKey(regrouped(value, multiRegion), revision));
  }

  async #tokensOf({ region }: KeyRecord, hbkId: string): Promise<Tokens> {
    const stored = await this.#parts.store.get(hbkPath(region, hbkId));
    const tokens = stored && readTokens(JSON.parse(fromUtf8(stored.value)) as HbkRecord);
    if (!tokens) throw new HsmError("internal", "the token of a material is missing");
    return tokens;
  }

  async #replicated(key: KeyRecord, tokens: Tokens, region: string): Promise<Omit<Consequence, "events">> {
    const { hsms, domain } = this.#parts;
    return hsms.use(tokens, async (ekt, hsm) => {
      const expectation = await domain.expectation(hsms.nameOf(hsm));
      const { hbkId, record } = hbkOver(await hsm.replicate(ekt, region), key);
      return { writes: [writeHbk(region, hbkId, record, 0)], expectations: [expectation] };
    });
  }

  /** Whose the ciphertexts of material are that has not come to this region yet. */
  async #awaited({ account, region, id }: KeyRecord, hbkId: string): Promise<Write[]> {
    if (await this.#parts.store.get(removedPath(region, hbkId))) return [];
    return [writeRemoved(hbkId, { account, region, id, domainKeys: [] }, 0)];
  }
}

/** The rotation of a set is on the agenda of its primary; of a new one it has just been put there. */
function regrouped(key: KeyRecord, multiRegion: KeySet): KeyRecord {
  const isNew = multiRegion.primary === key.region && !isPrimary(key);
  return { ...key, multiRegion, ...(key.rotation && isNew && { rotation: { ...key.rotation, planned: 1 } }) };
}
