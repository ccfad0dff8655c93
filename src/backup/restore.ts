import { linkSync, rmSync } from "node:fs";
import { type Bytes, fromBase64, hex } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { HsmAdmin, TransportKey } from "../hsm/admin.ts";
import type { Ekt } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { openHsmAdmin } from "../hsm/index.ts";
import type { Member } from "../hsm/member.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { changeStoredTokens } from "../kms/key-tokens.ts";
import { isRefusal, nameOf, sameHbk } from "../kms/transfer.ts";
import { parseEkt } from "../model/ekt.ts";
import type { HbkMeta } from "../model/hbk.ts";
import { unanchored } from "../store/hsms.ts";
import { openSealed, type SealedStore } from "../store/sealed.ts";
import { openSqlite } from "../store/sqlite/sqlite.ts";
import { incomplete, indexKeyOf } from "./backup.ts";
import { type Contents, type Missing, readBackup } from "./file.ts";
import type { OpenedShare } from "./shares.ts";
import { openVault, type Vault } from "./vault.ts";

export interface RestoreTarget {
  /** Each key goes to the HSM in which a new one like it would be made. */
  readonly hsms: HsmSet;
  /** Done to the store before a key leaves the vault. */
  readonly prepare: (store: SealedStore) => Promise<void>;
  /** Go on though some keys cannot come along. */
  readonly incomplete: boolean;
  readonly storeFile: string;
}

export interface RestoreReport {
  readonly keys: number;
  readonly missing: readonly Missing[];
}

/** A backup that its officers have opened, and that has been found to be whole. */
export class OpenBackup {
  readonly contents: Contents;
  readonly #vault: Vault;
  readonly #draft: string;
  readonly #engine: Engine;
  /** What the vault has made of the exported material. */
  readonly #admitted = new Map<string, Ekt>();

  private constructor(contents: Contents, vault: Vault, draft: string, engine: Engine) {
    this.contents = contents;
    this.#vault = vault;
    this.#draft = draft;
    this.#engine = engine;
  }

  /**
   * Checks everything that can be checked: the file, the shares, every row of the store, and every key. `draft` is where the
   * store lies until it is restored; it goes with `close`.
   */
  static async open(file: string, shares: readonly OpenedShare[], draft: string, engine: Engine): Promise<OpenBackup> {
    const { contents, extractStore } = readBackup(file);
    const backup = new OpenBackup(contents, await openVault(contents.recovery, shares), draft, engine);
    try {
      // A crash may have left one.
      backup.#removeDraft();
      extractStore(draft);
      await backup.#check();
      return backup;
    } catch (error) {
      await backup.close();
      throw error;
    }
  }

  /** What the store is called in the anchor of its HSM: 16 bytes. */
  get storeId(): Bytes {
    return parseEkt(indexOf(this.contents)).meta.keyId;
  }

  /** Moves every key into the target's HSMs, and last the store to its place, which is one step: all or nothing. */
  async restoreInto({ hsms, prepare, ...target }: RestoreTarget): Promise<RestoreReport> {
    const doors = new Doors(this.#vault.admin);
    const missing: Missing[] = [...this.contents.missing];
    const store = await this.#openDraft();
    try {
      await prepare(store);
      const refused = await this.#refused(store, hsms);
      if (refused.length > 0 && !target.incomplete) throw incomplete(refused, "keys that the new HSM does not take");
      missing.push(...refused);
      const left = new Set(missing.map(({ hbkId }) => hbkId));
      await changeStoredTokens({ store }, async (tokens) => {
        const { meta, hbkId } = parseEkt(tokens[0]);
        const member = placeOf(hsms, meta);
        if (typeof member === "string" || left.has(hex(hbkId))) return tokens;
        const { admin, transport } = await doors.of(member);
        const material = await this.#vault.admin.exportTo(await this.#admit(tokens), transport);
        return [await admin.importFrom(meta, hbkId, material)];
      });
    } finally {
      await store.close();
      await doors.close();
    }
    linkSync(this.#draft, target.storeFile);
    return { keys: this.#admitted.size, missing };
  }

  async close(): Promise<void> {
    await this.#vault.close();
    this.#removeDraft();
  }

  #removeDraft(): void {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(this.#draft + suffix, { force: true });
  }

  async #check(): Promise<void> {
    try {
      await this.#vault.hsm.release(indexOf(this.contents));
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      throw new StoreError("corrupt", "the recovery part of the backup is not authentic", { cause });
    }
    const store = await this.#openDraft();
    try {
      if (!sameHbk(indexOf(this.contents), (await indexKeyOf(store))[0])) {
        throw new StoreError("corrupt", "the store in the backup is not the one that its recovery part belongs to");
      }
      const absent = this.#absent();
      await changeStoredTokens({ store }, async (tokens) => {
        if (!absent.has(hex(parseEkt(tokens[0]).hbkId))) await this.#admit(tokens);
        return tokens;
      });
    } finally {
      await store.close();
    }
  }

  /** Keys of the store that were left out of the backup. */
  #absent(): ReadonlySet<string> {
    return new Set(this.contents.missing.map(({ hbkId }) => hbkId));
  }

  /** The vault's token of a key: made from what was exported, once. */
  async #admit([ekt]: Tokens): Promise<Ekt> {
    const { meta, hbkId, head } = parseEkt(ekt);
    const name = hex(head) + hex(hbkId);
    const known = this.#admitted.get(name);
    if (known) return known;
    const material = fromBase64(this.contents.exported[hex(hbkId)] ?? "");
    if (!material) throw damaged(ekt);
    try {
      const admitted = await this.#vault.admin.importFrom(meta, hbkId, material);
      this.#admitted.set(name, admitted);
      return admitted;
    } catch (cause) {
      if (isRefusal(cause)) throw damaged(ekt, cause);
      throw cause;
    }
  }

  /** The vault holds its keys. */
  async #openDraft(): Promise<SealedStore> {
    const hsms = unanchored(async (tokens, call) => call(await this.#admit(tokens), this.#vault.hsm));
    return openSealed(await openSqlite(this.#draft), hsms, this.#engine);
  }

  /** Keys that no new HSM takes, of those in the backup. */
  async #refused(store: SealedStore, hsms: HsmSet): Promise<Missing[]> {
    const refused: Missing[] = [];
    const absent = this.#absent();
    await changeStoredTokens({ store }, async (tokens) => {
      const { meta, hbkId } = parseEkt(tokens[0]);
      const reason = placeOf(hsms, meta);
      if (typeof reason === "string" && !absent.has(hex(hbkId)))
        refused.push({ hbkId: hex(hbkId), key: nameOf(tokens[0]), reason });
      return tokens;
    });
    return refused;
  }
}

/** HSMs as targets, each opened when the first key comes. */
class Doors {
  readonly #vault: HsmAdmin;
  readonly #opened = new Map<Member, Promise<Door>>();

  constructor(vault: HsmAdmin) {
    this.#vault = vault;
  }

  of(member: Member): Promise<Door> {
    const opened = this.#opened.get(member) ?? this.#open(member);
    this.#opened.set(member, opened);
    return opened;
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values());
    for (const one of opened) if (one.status === "fulfilled") await one.value.admin.close();
  }

  async #open({ config }: Member): Promise<Door> {
    const admin = await openHsmAdmin(config);
    const transport = await admin.transportKey();
    await this.#vault.pinTransportKey(transport);
    return { admin, transport };
  }
}

interface Door {
  readonly admin: HsmAdmin;
  readonly transport: TransportKey;
}

/** Where a key belongs, or why there is no such place. */
function placeOf(hsms: HsmSet, { spec, usage }: HbkMeta): Member | string {
  if (usage === "INTERNAL") return hsms.primary;
  const found = hsms.forSpec(spec, usage);
  return "refusal" in found ? found.refusal : (found.members[0] as Member);
}

const indexOf = ({ recovery }: Contents): Ekt => fromBase64(recovery.index) as Ekt;

const damaged = (ekt: Ekt, cause?: unknown): StoreError =>
  new StoreError("corrupt", `the backup lacks the material of ${nameOf(ekt)}, or it is not authentic`, { cause });
