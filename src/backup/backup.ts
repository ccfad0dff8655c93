import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { base64, fromBase64, hex } from "../base/bytes.ts";
import { ConfigError, StoreError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { TransportKey } from "../hsm/admin.ts";
import type { Ekt } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { admit, type OfficerPins, requireOfficers } from "../hsm/officers.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { noteBackup } from "../kms/backup-record.ts";
import { changeStoredTokens } from "../kms/key-tokens.ts";
import { exported, nameOf, type Source, sameHbk } from "../kms/transfer.ts";
import { parseEkt } from "../model/ekt.ts";
import type { HbkMeta } from "../model/hbk.ts";
import { unanchored } from "../store/hsms.ts";
import { openSealed, type SealedStore } from "../store/sealed.ts";
import { copySqlite } from "../store/sqlite/copy.ts";
import { openSqlite } from "../store/sqlite/sqlite.ts";
import { type Contents, type Missing, readBackup, writeBackup } from "./file.ts";
import type { Officer } from "./officers.ts";
import { newRecovery, type Recovery, transportOf } from "./vault.ts";

/** To whom a backup opens: to officers of a new ceremony, or to those of an earlier backup. */
export type Recipients =
  | { readonly officers: readonly Officer[]; readonly threshold: number }
  | { readonly like: string };

export interface BackupRequest {
  readonly out: string;
  readonly recipients: Recipients;
  readonly account: string;
  /** Milliseconds: until then the backup may be kept. */
  readonly until: number;
  /** Of HSMs whose domain key is trusted: for a new ceremony. */
  readonly officerPins?: OfficerPins;
  /** Go on though some keys do not leave their HSM. */
  readonly incomplete: boolean;
}

export interface BackupParts {
  readonly store: SealedStore;
  readonly storeFile: string;
  readonly hsms: HsmSet;
  readonly sources: readonly Source[];
  readonly engine: Engine;
}

export interface BackupReport {
  readonly keys: number;
  readonly missing: readonly Missing[];
  /** Fingerprints: of the key that the keys are wrapped for, and of the officers' keys. */
  readonly transportKey: string;
  readonly officers: readonly string[];
}

/**
 * Copies the store as it is, while others work with it, and every key in it under the transport key of the recovery.
 * Nothing is written to `out` unless all of it is there.
 */
export async function makeBackup(parts: BackupParts, request: BackupRequest): Promise<BackupReport> {
  await noteBackup(parts.store, request.until);
  const madeAt = new Date().toISOString();
  const copy = `${request.out}.${randomUUID()}`;
  try {
    await copySqlite(parts.storeFile, copy);
    const inner = await openSqlite(copy, { readOnly: true });
    const use: HsmSet["use"] = (tokens, call) => parts.hsms.use(tokens, call);
    const store = await openSealed(inner, unanchored(use), parts.engine);
    try {
      const recovery = await recoveryFor(parts, store, request);
      const { keys, found, missing } = await exportAll(parts, store, transportOf(recovery));
      if (missing.length > 0 && !request.incomplete) throw incomplete(missing, "keys that cannot be exported");
      const contents: Contents = { madeAt, account: request.account, recovery, exported: found, missing };
      await store.close();
      writeBackup(request.out, contents, copy);
      const officers = recovery.shares.map(({ officer }) => officer);
      return { keys, missing, transportKey: recovery.transport.fingerprint, officers };
    } finally {
      await store.close();
    }
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(copy + suffix, { force: true });
  }
}

async function recoveryFor({ sources }: BackupParts, store: SealedStore, request: BackupRequest): Promise<Recovery> {
  const { recipients, officerPins = {} } = request;
  const index = await indexKeyOf(store);
  if ("like" in recipients) {
    const { recovery } = readBackup(recipients.like).contents;
    if (sameHbk(fromBase64(recovery.index) as Ekt, index[0])) return recovery;
    throw new ConfigError(`${recipients.like} is a backup of another store`);
  }
  requireOfficers(sources, officerPins);
  return newRecovery(recipients.officers, recipients.threshold, async (vault, transport) => {
    await admit(sources, transport, officerPins);
    const material = await exported(sources, index, transport);
    if (typeof material === "string") throw new ConfigError(`the store's keys cannot be exported: ${material}`);
    const { meta, hbkId } = parseEkt(index[0]);
    return vault.importFrom(meta, hbkId, material);
  });
}

/** The store's own keys must be there: without them, nothing else opens. */
async function exportAll(parts: BackupParts, store: SealedStore, target: TransportKey) {
  const found: Record<string, string> = {};
  const missing: Missing[] = [];
  let keys = 0;
  await changeStoredTokens({ store }, async (tokens) => {
    const { hbkId, meta } = parseEkt(tokens[0]);
    const material = await exported(parts.sources, tokens, target);
    if (typeof material !== "string") {
      keys += 1;
      // In several regions under one name: the same material.
      found[hex(hbkId)] = base64(material);
    } else if (isStoreKey(meta)) throw new ConfigError(`the store's keys cannot be exported: ${material}`);
    else missing.push({ hbkId: hex(hbkId), key: nameOf(tokens[0]), reason: material });
    return tokens;
  });
  return { keys, found, missing };
}

export async function indexKeyOf(store: SealedStore): Promise<Tokens> {
  let index: Tokens | undefined;
  await store.changeTokens(async (tokens) => {
    if (parseEkt(tokens[0]).meta.kind === "index") index = tokens;
    return tokens;
  });
  if (!index) throw new StoreError("corrupt", "the store has no index key");
  return index;
}

const isStoreKey = ({ kind }: HbkMeta): boolean => kind === "index" || kind === "record";

const shown = 20;

export function incomplete(missing: readonly Missing[], why: string): ConfigError {
  const list = missing.slice(0, shown).map(({ key, reason }) => `\n  ${key}: ${reason}`);
  const more = missing.length > shown ? `\n  and ${missing.length - shown} more` : "";
  return new ConfigError(`${why}: ${missing.length} (--incomplete goes on without)${list.join("")}${more}`);
}
