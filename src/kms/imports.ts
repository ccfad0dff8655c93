import { type Bytes, base64, fromBase64 } from "../base/bytes.ts";
import { HsmError, KmsError } from "../base/errors.ts";
import type { Ekt, Hsm, Imports as HsmImports, ImportedKey } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import type { Member } from "../hsm/member.ts";
import { rawKeyId } from "../model/arn.ts";
import { arnOf, hbkSpecOf, type KeyRecord } from "../model/key.ts";
import type { HbkSpec, KeyUsage } from "../model/key-spec.ts";
import { isPrimary } from "../model/multi-region.ts";
import { limits } from "../model/quotas.ts";
import { importRefusal, type Wrapping, wrappingsOf } from "../model/wrapping.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Expectation, Write } from "../store/store.ts";
import { agendaPath, callOff, plan } from "./agenda.ts";
import { backedUp } from "./backup-record.ts";
import type { DomainRecords } from "./domain-record.ts";
import { type Arrival, withMaterial, withoutMaterial } from "./imported-material.ts";
import { hbkOver, metaOf } from "./material.ts";
import { type Consequence, type MultiRegion, noConsequence } from "./multi-region.ts";
import { hbkPath, type Records, remove, removedPath, writeHbk, writeKey, writeRemoved } from "./records.ts";
import type { Seal } from "./seal.ts";

export interface ImportParts {
  readonly store: Pick<SealedStore, "get">;
  readonly hsms: HsmSet;
  readonly records: Records;
  readonly domain: DomainRecords;
  readonly regions: MultiRegion;
  readonly seal: Seal;
}

/** What an import token holds, sealed for its key. */
interface Parameters extends Wrapping {
  /** The wrapping key's token, base64. */
  readonly ekt: string;
  readonly validTo: number;
}

export interface Import extends Omit<Arrival, "hbkId" | "publicKey"> {
  readonly token: Bytes;
  readonly wrapped: Bytes;
}

export interface ImportChange extends Consequence {
  readonly hbkId: string;
}

/** How long a wrapping key and its token are valid, in milliseconds. */
export const importPeriod = limits.importParametersHours * 60 * 60_000;

/** Key material that is imported: whoever asks has been authorized. */
export class Imports {
  readonly #parts: ImportParts;

  constructor(parts: ImportParts) {
    this.#parts = parts;
  }

  /** UnsupportedOperationException when such keys cannot have imported material here. */
  check(spec: HbkSpec, usage: KeyUsage): void {
    const refusal = importRefusal(spec);
    if (refusal) throw new KmsError(...refusal);
    const takers = this.#takers(spec, usage, wrappingsOf(spec));
    if ("refusal" in takers)
      throw new KmsError("UnsupportedOperationException", "hsmReason", { reason: takers.refusal });
  }

  /** A new wrapping key, and the token that is to come back with what it wraps. */
  async parameters(key: KeyRecord, wrapping: Wrapping, now: number) {
    const { id, account, region, usage } = key;
    const spec = hbkSpecOf(key);
    const own = { account, region, keyId: rawKeyId(id), spec: wrapping.keySpec };
    const meta = { kind: "import", usage: "INTERNAL", origin: "AWS_KMS", ...own } as const;
    const takers = this.#takers(spec, usage, [wrapping]);
    if ("refusal" in takers)
      throw new KmsError("UnsupportedOperationException", "hsmReason", { reason: takers.refusal });
    const { ekt, publicKey } = await this.#parts.hsms.anyOf(takers.members, async (hsm) => {
      // One that was away may have come, and be another.
      const reason = refusalOf(hsm, spec, [wrapping]);
      if (reason !== undefined) throw new HsmError("unsupported", reason);
      return importsOf(hsm).wrappingKey(meta);
    });
    const validTo = now + importPeriod;
    const parameters: Parameters = { ...wrapping, ekt: base64(ekt), validTo };
    const token = await this.#parts.seal.seal(purposeOf(key), JSON.stringify(parameters));
    return { token, publicKey, validTo };
  }

  /** The change that brings the material in. */
  async import(
    key: KeyRecord,
    revision: number,
    { token, wrapped, ...rest }: Import,
    now: number,
  ): Promise<ImportChange> {
    const parameters = await this.#open(key, token, now);
    const { expectation, ekt, publicKey } = await this.#unwrap(key, parameters, wrapped);
    const { hbkId, record } = hbkOver(ekt, key);
    const arrival = { ...rest, hbkId, ...(publicKey && { publicKey: base64(publicKey) }) };
    const next = withMaterial(key, arrival);
    // An end that is another concerns no other region.
    const isNew = next.materials.length > key.materials.length;
    const shared = isNew ? await this.#parts.regions.share(next) : noConsequence;
    const writes = [writeKey(next, revision), ...shared.writes, ...(await this.#planned(key, hbkId, rest.expiresAt))];
    // What is there already stays: only its expiry may be another.
    if (await this.#parts.records.hbk(key.region, hbkId)) return { ...shared, hbkId, writes };
    const removed = await this.#parts.records.removed(key.region, hbkId);
    const domainKeys = [...new Set([...(removed?.value.domainKeys ?? []), ...record.domainKeys])];
    writes.push(writeHbk(key.region, hbkId, { ...record, domainKeys }, 0));
    if (removed) writes.push(remove(removedPath(key.region, hbkId), removed.revision));
    return { ...shared, hbkId, writes, expectations: [...shared.expectations, expectation] };
  }

  /**
   * What deletes the material; null when it is not there. What waits for its rotation in a primary key is deleted in its
   * replicas, too.
   */
  async removal(key: KeyRecord, revision: number, hbkId: string): Promise<readonly Write[] | null> {
    const { records, regions } = this.#parts;
    if (!(await records.hbk(key.region, hbkId))) return null;
    const waits = key.materials.some((material) => material.hbkId === hbkId && material.pending);
    const others = waits && isPrimary(key) ? await regions.others(key) : [];
    const removals = others.map((other) =>
      this.#removal(withoutMaterial(other.value, hbkId, true), other.revision, hbkId),
    );
    return [
      ...(await this.#removal(withoutMaterial(key, hbkId), revision, hbkId)),
      ...(await Promise.all(removals)).flat(),
    ];
  }

  /** `next`: the key without the material. */
  async #removal(next: KeyRecord, revision: number, hbkId: string): Promise<Write[]> {
    const { id, account, region } = next;
    const hbk = await this.#parts.records.hbk(region, hbkId);
    if (!hbk) return [writeKey(next, revision)];
    const { domainKeys } = hbk.value.record;
    return [
      writeKey(next, revision),
      remove(hbkPath(region, hbkId), hbk.revision),
      writeRemoved(hbkId, { id, account, region, domainKeys, ...(await backedUp(this.#parts.store)) }, 0),
      ...(await this.#planned(next, hbkId, undefined)),
    ];
  }

  /**
   * The HSMs that such keys can be in and material comes to under one of `wrappings`, as far as they are there to be
   * asked.
   */
  #takers(spec: HbkSpec, usage: KeyUsage, wrappings: readonly Wrapping[]): Takers {
    const chosen = this.#parts.hsms.forSpec(spec, usage);
    if ("refusal" in chosen) return chosen;
    const reasons = chosen.members.map(({ opened }) => opened && refusalOf(opened, spec, wrappings));
    const members = chosen.members.filter((_, i) => reasons[i] === undefined);
    return members.length > 0 ? { members } : { refusal: reasons[0] ?? noImports };
  }

  async #open(key: KeyRecord, token: Bytes, now: number): Promise<Parameters> {
    const text = await this.#parts.seal.open(purposeOf(key), token);
    if (text === undefined) throw new KmsError("InvalidImportTokenException");
    const parameters = JSON.parse(text) as Parameters;
    if (parameters.validTo <= now) throw new KmsError("ExpiredImportTokenException");
    return parameters;
  }

  /** Inside the HSM that made the wrapping key. */
  async #unwrap(key: KeyRecord, { ekt, algorithm }: Parameters, wrapped: Bytes): Promise<ImportedKey & Expecting> {
    const { hsms, domain } = this.#parts;
    const unwrap = async (wrapping: Ekt, hsm: Hsm) => {
      const expectation = await domain.expectation(hsms.nameOf(hsm));
      const made = await importsOf(hsm).unwrap(metaOf(key), wrapping, algorithm, wrapped);
      if (!made) throw new KmsError("InvalidCiphertextException");
      if (made === "unfit") throw new KmsError("IncorrectKeyMaterialException", "unfit", { spec: key.spec });
      return { ...made, expectation };
    };
    try {
      return await hsms.use([fromBase64(ekt) as Ekt], unwrap);
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
      // Its domain key is gone, so the wrapping key is.
      if (error.kind === "refused") throw new KmsError("InvalidImportTokenException");
      if (error.kind === "unsupported") {
        throw new KmsError("UnsupportedOperationException", "hsmReason", { reason: error.message });
      }
      throw error;
    }
  }

  /** What makes the agenda say when the material expires. */
  async #planned(key: KeyRecord, hbkId: string, expiresAt: number | undefined): Promise<Write[]> {
    const revision = (await this.#parts.store.get(agendaPath("expiry", key, hbkId)))?.revision ?? 0;
    if (expiresAt !== undefined) return [plan("expiry", key, expiresAt, revision, hbkId)];
    return revision > 0 ? [callOff("expiry", key, revision, hbkId)] : [];
  }
}

interface Expecting {
  readonly expectation: Expectation;
}

type Takers = { readonly members: readonly Member[] } | { readonly refusal: string };

const noImports = "The HSM takes no key material from outside.";

function importsOf({ imports }: Hsm): HsmImports {
  if (!imports) throw new HsmError("unsupported", noImports);
  return imports;
}

/** Why the HSM takes no material of this spec under any of `wrappings`; undefined when it does. */
function refusalOf({ imports }: Hsm, spec: HbkSpec, wrappings: readonly Wrapping[]): string | undefined {
  const reasons = wrappings.map((wrapping) => (imports ? imports.refusal(spec, wrapping) : noImports));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

const purposeOf = (key: KeyRecord): string => `import ${arnOf(key)}`;
