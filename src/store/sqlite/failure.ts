import { StoreError } from "../../base/errors.ts";

/** Primary result codes (sqlite.org/rescode.html) which say that the file is not what it should be. */
const damage = new Set([
  1 /* ERROR: a table is missing */, 11 /* CORRUPT */, 19 /* CONSTRAINT */, 20 /* MISMATCH */, 24 /* FORMAT */,
  26 /* NOTADB */,
]);

/** Result codes after which a transaction is known to be undone; after any other, nobody knows what is on the disk. */
const undone = new Set([
  5 /* BUSY */, 6 /* LOCKED */, 8 /* READONLY */, 13 /* FULL */, 18 /* TOOBIG */, 19 /* CONSTRAINT */,
]);

const codeOf = (error: unknown): number =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : 0;

/** Whether no commit may be tried after this one. What is not from SQLite (code 0) has not reached it. */
export const breaksWriter = (error: unknown): boolean => codeOf(error) !== 0 && !undone.has(codeOf(error));

/** What a failure of node:sqlite means. Messages of SQLite name no values. */
export function storeFailure(file: string, doing: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const kind = damage.has(codeOf(error)) ? "corrupt" : "unavailable";
  return new StoreError(kind, `${file}: ${doing}: ${detail}`, { cause: error });
}
