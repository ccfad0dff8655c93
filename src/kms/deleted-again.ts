import { fromUtf8 } from "../base/bytes.ts";
import { parseJson } from "../model/json.ts";
import type { HbkRecord, KeyRecord, RemovedHbk } from "../model/key.ts";
import { components } from "../store/path.ts";
import type { SealedStore } from "../store/sealed.ts";
import type { Stored } from "../store/store.ts";
import { agendaPath, callOff } from "./agenda.ts";
import { backedUp } from "./backup-record.ts";
import { type DeletionParts, deleteKey, tombstonePrefix } from "./deletion.ts";
import { keyEvent } from "./events.ts";
import type { KeyName } from "./grant-records.ts";
import { withoutMaterial } from "./imported-material.ts";
import { hbkPath, keyPath, remove, removedPath, writeKey, writeRemoved } from "./records.ts";

/** What has been deleted, and might come back from a backup. */
export interface Deleted {
  readonly keys: readonly KeyName[];
  /** Imported material of keys that are there. */
  readonly materials: readonly (KeyName & { readonly hbkId: string })[];
}

export async function deletedFrom(store: SealedStore): Promise<Deleted> {
  const nameOf = ({ value }: Stored): KeyName => {
    const { account, region, id } = JSON.parse(fromUtf8(value)) as KeyName;
    return { account, region, id };
  };
  const [keys, materials] = [await store.list(tombstonePrefix), await store.list("removed/")];
  return {
    keys: keys.map(nameOf),
    materials: materials.map((stored) => ({ ...nameOf(stored), hbkId: components(stored.path)[2] as string })),
  };
}

/** Deletes it from a store that is older. Answers how much was there. */
export async function deleteAgain(parts: DeletionParts, { keys, materials }: Deleted): Promise<number> {
  let count = 0;
  for (const key of keys) {
    const planned = await parts.store.get(agendaPath("deletion", key));
    count += (await deleteKey(parts, key, planned?.revision ?? 0)) ? 1 : 0;
  }
  for (const { hbkId, ...key } of materials) count += (await deleteMaterial(parts, key, hbkId)) ? 1 : 0;
  return count;
}

async function deleteMaterial({ store, outbox }: DeletionParts, name: KeyName, hbkId: string): Promise<boolean> {
  const { account, region, id } = name;
  const [stored, hbk, planned] = await Promise.all(
    [keyPath(account, region, id), hbkPath(region, hbkId), agendaPath("expiry", name, hbkId)].map((at) =>
      store.get(at),
    ),
  );
  if (!stored || !hbk) return false;
  const { domainKeys } = JSON.parse(fromUtf8(hbk.value)) as HbkRecord;
  const key = withoutMaterial(parseJson(fromUtf8(stored.value)) as KeyRecord, hbkId);
  const left: RemovedHbk = { account, region, id, domainKeys, ...(await backedUp(store)) };
  const writes = [
    writeKey(key, stored.revision),
    remove(hbk.path, hbk.revision),
    writeRemoved(hbkId, left, (await store.get(removedPath(region, hbkId)))?.revision ?? 0),
    ...(planned ? [callOff("expiry", name, planned.revision, hbkId)] : []),
  ];
  await outbox.commit(writes, keyEvent("DeleteImportedKeyMaterial", name, { keyMaterialId: hbkId }));
  return true;
}
