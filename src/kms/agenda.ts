import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { KeyRecord } from "../model/key.ts";
import { path } from "../store/path.ts";
import type { Store, Write } from "../store/store.ts";

/** What the clock asks of a key. */
export type Task = "deletion" | "rotation" | "expiry";

/** One record a key and task, of expiry one for each material, so that what is due is found without a walk over all keys. */
export interface Due {
  readonly account: string;
  readonly region: string;
  readonly id: string;
  readonly material?: string;
  /** Milliseconds. */
  readonly due: number;
}

type KeyName = Pick<KeyRecord, "account" | "region" | "id">;

/** `material`: the id of the one that expires. */
export const agendaPath = (task: Task, { account, region, id }: KeyName, material?: string): string =>
  path("job", task, [account, region, id, ...(material === undefined ? [] : [material])].join(":"));

/** Goes into the commit that plans the task. `revision` 0: it was not planned. */
export function plan(
  task: Task,
  { account, region, id }: KeyName,
  due: number,
  revision: number,
  material?: string,
): Write {
  const planned: Due = { account, region, id, due, ...(material !== undefined && { material }) };
  return { path: agendaPath(task, planned, material), value: utf8(JSON.stringify(planned)), revision };
}

/** Goes into the commit that calls the task off. */
export const callOff = (task: Task, key: KeyName, revision: number, material?: string): Write => ({
  path: agendaPath(task, key, material),
  value: undefined,
  revision,
});

/** What is due at `now`, with the revision of its record. */
export async function dueAt(store: Store, task: Task, now: number): Promise<readonly (Due & { revision: number })[]> {
  const planned = await store.list(`${path("job", task)}/`);
  return planned
    .map(({ value, revision }) => ({ ...(JSON.parse(fromUtf8(value)) as Due), revision }))
    .filter(({ due }) => due <= now);
}
