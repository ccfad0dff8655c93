import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { StoreError } from "../../base/errors.ts";
import type { Write } from "../store.ts";
import { breaksWriter, storeFailure } from "./failure.ts";
import type { Answer, CommitRequest, Request, WriterSettings } from "./writer.ts";

const { file, writer, busyTimeout } = workerData as WriterSettings;
const port = parentPort as MessagePort;

/** Most commits that share one transaction. */
const groupLimit = 256;

const db = new DatabaseSync(file, { timeout: busyTimeout });
// FULL: fsync of the log before COMMIT returns. secure_delete: freed pages and cells are zeroed, off by default.
db.exec(
  "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
);

const statement = (sql: string): StatementSync => db.prepare(sql);
const begin = statement("BEGIN IMMEDIATE");
const commit = statement("COMMIT");
const savepoint = statement("SAVEPOINT one");
const release = statement("RELEASE one");
const undo = statement("ROLLBACK TO one");
const insert = statement("INSERT INTO record VALUES (?, 1, ?) ON CONFLICT DO NOTHING");
const replace = statement("UPDATE record SET value = ?, revision = revision + 1 WHERE path = ? AND revision = ?");
const remove = statement("DELETE FROM record WHERE path = ? AND revision = ?");
const revisionOf = statement("SELECT revision FROM record WHERE path = ?");
const takeTurn = statement("UPDATE turn SET number = number + 1, writer = ?1 WHERE writer <> ?1");

/** A second fsync after one that failed may succeed without the data: what is in doubt stays so until the next opening. */
let broken: StoreError | undefined;

port.on("message", (first: Request) => {
  const requests = [first];
  while (requests.length < groupLimit) {
    const next = receiveMessageOnPort(port) as { message: Request } | undefined;
    if (!next) break;
    requests.push(next.message);
  }
  serve(requests);
});

/** Commits that arrived together share a transaction; a checkpoint or the end comes after those before it. */
function serve(requests: readonly Request[]): void {
  let group: CommitRequest[] = [];
  const flush = (): void => {
    if (group.length > 0) port.postMessage(commitGroup(group));
    group = [];
  };
  for (const request of requests) {
    if (request.kind === "commit") group.push(request);
    else {
      flush();
      if (request.kind === "checkpoint") port.postMessage([answer(request.id, attempt(checkpoint))]);
      else close(request.id);
    }
  }
  flush();
}

function commitGroup(group: readonly CommitRequest[]): Answer[] {
  let answers: Answer[] = [];
  const failure = attempt(() => {
    begin.run();
    try {
      answers = group.map((request) => answer(request.id, applyAlone(request)));
      if (answers.some(({ failure }) => !failure)) {
        takeTurn.run(writer);
        commit.run();
      }
    } finally {
      if (db.isTransaction) db.exec("ROLLBACK");
    }
  });
  return failure ? group.map(({ id }) => answer(id, failure)) : answers;
}

/** undefined, or the conflict that kept this one commit out of the transaction. */
function applyAlone(request: CommitRequest): StoreError | undefined {
  savepoint.run();
  const stale =
    request.expectations.find(({ path, revision }) => current(path) !== revision) ?? request.writes.find(refuses);
  if (stale) undo.run();
  release.run();
  return stale && new StoreError("conflict", `a record has changed since revision ${stale.revision}`);
}

const current = (path: string): number => (revisionOf.get(path)?.["revision"] as number | undefined) ?? 0;

function refuses({ path, value, revision }: Write): boolean {
  if (value === undefined) return revision === 0 ? current(path) !== 0 : remove.run(path, revision).changes === 0;
  return (revision === 0 ? insert.run(path, value) : replace.run(value, path, revision)).changes === 0;
}

/** sqlite.org/pragma.html#pragma_wal_checkpoint: the log goes into the database, and is cut to nothing. */
function checkpoint(): void {
  const result = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  if (result?.["busy"] !== 0) throw new StoreError("unavailable", `${file}: checkpoint: another process is reading`);
}

function close(id: number): void {
  db.close();
  port.postMessage([answer(id, undefined)]);
  port.close();
}

function attempt(action: () => void): StoreError | undefined {
  if (broken) return broken;
  try {
    action();
    return undefined;
  } catch (error) {
    const failure = storeFailure(file, "write", error);
    if (breaksWriter(error)) broken = new StoreError("unavailable", `${failure.message}; open the store again`);
    return failure;
  }
}

const answer = (id: number, failure: StoreError | undefined): Answer =>
  failure ? { id, failure: { kind: failure.kind, message: failure.message } } : { id };
