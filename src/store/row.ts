import { StoreError } from "../base/errors.ts";
import type { Keyring } from "./keyring.ts";
import type { Manifest } from "./manifest.ts";
import type { Stored } from "./store.ts";

/** `found` itself, if it is what the manifest says; undefined when neither has anything. Throws otherwise. */
export function checkRow(manifest: Manifest, keyring: Keyring, stored: string, found?: Stored): Stored | undefined {
  const row = manifest.get(stored);
  if (!found && !row) return undefined;
  if (!found) throw new StoreError("corrupt", `record ${stored} is missing`);
  if (!row) throw new StoreError("corrupt", `record ${stored} was added or put back`);
  if (found.revision < row.revision) throw new StoreError("rollback", `an older record ${stored} was put back`);
  if (keyring.hash(found.value) !== row.hash) throw new StoreError("corrupt", `record ${stored} was edited`);
  return found;
}

/** The record by its clear path. */
export function openRow(keyring: Keyring, { path: stored, value, revision }: Stored): Stored {
  const opened = keyring.open(stored, revision, value);
  if (!opened || keyring.paths.of(opened.path) !== stored) {
    throw new StoreError("corrupt", `record ${stored} is not authentic`);
  }
  return { ...opened, revision };
}
