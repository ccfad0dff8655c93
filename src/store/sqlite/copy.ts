import { closeSync, openSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { storeFailure } from "./failure.ts";

/**
 * The newest state of the store in `file` as a new private file of its own, while others commit (sqlite.org/backup.html).
 * All pages in one step: what is committed meanwhile would make it begin anew.
 */
export async function copySqlite(file: string, to: string): Promise<void> {
  try {
    closeSync(openSync(to, "wx", 0o600));
    const source = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    try {
      await backup(source, to, { rate: 2 ** 31 - 1 });
    } finally {
      source.close();
    }
  } catch (error) {
    throw storeFailure(file, "copy", error);
  }
}
