import { StoreError } from "../../base/errors.ts";

/** Primary result codes (sqlite.org/rescode.html) which say that the file is not what it should be. */
const damage = new Set([
  1 /* ERROR: a table is missing */, 11 /* CORRUPT */, 19 /* CONSTRAINT */, 20 /* MISMATCH */, 24 /* FORMAT */,
  26 /* NOTADB */,
]);

/** Result codes after which it is not known what is on the disk: 10 IOERR, 11 CORRUPT, 26 NOTADB. */
const broken = new Set([10, 11, 26]);

const codeOf = (error: unknown): number =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : 0;

export const breaksWriter = (error: unknown): boolean => broken.has(codeOf(error));

/** What a failure of node:sqlite means. Messages of SQLite name no values. */
export function storeFailure(file: string, doing: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const kind = damage.has(codeOf(error)) ? "corrupt" : "unavailable";
  return new StoreError(kind, `${file}: ${doing}: ${detail}`, { cause: error });
}
