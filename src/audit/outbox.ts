import { fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import { parseJson } from "../model/json.ts";
import { path } from "../store/path.ts";
import type { Expectation, Store, Write } from "../store/store.ts";
import type { AuditEvent } from "./audit.ts";
import type { AuditLog } from "./log.ts";

/** An event that is in the store with the change it tells of, until it is known to be in the log. */
interface OutboxRecord {
  readonly chain: string;
  /** Where the chain was: the event, if it is in the log, comes after. */
  readonly sequence: number;
  readonly event: AuditEvent;
}

/** Most records that one commit deletes. */
const deletionLimit = 256;

/**
 * Changes and their events in one transaction; the event then goes to the log, once by its id. Each process delivers
 * what its own chain owes: the chain's lock keeps two from delivering the same event.
 */
export class Outbox {
  readonly #store: Store;
  readonly #log: AuditLog;
  #delivered: string[] = [];
  #deleting: Promise<void> | undefined;

  constructor(store: Store, log: AuditLog) {
    this.#store = store;
    this.#log = log;
  }

  /** Goes into the commit of the change. */
  write(event: AuditEvent): Write {
    const record: OutboxRecord = { chain: this.#log.chain, sequence: this.#log.sequence, event };
    return { path: outboxPath(event), value: utf8(JSON.stringify(record)), revision: 0 };
  }

  /** After the commit. Resolves when the event is durable in the log; its record goes away in the background. */
  async deliver(event: AuditEvent): Promise<void> {
    await this.#log.append(event);
    this.#delivered.push(outboxPath(event));
    this.#deleting ??= this.#deleteDelivered();
  }

  /** A change and its events: all of both, or a StoreError and nothing. AuditError first when no event could be written. */
  async commit(
    writes: readonly Write[],
    event: AuditEvent | readonly AuditEvent[],
    expectations: readonly Expectation[] = [],
  ): Promise<void> {
    const events = [event].flat() as readonly AuditEvent[];
    this.#log.reserve();
    await this.#store.commit([...writes, ...events.map((each) => this.write(each))], expectations);
    await Promise.all(events.map((each) => this.deliver(each)));
  }

  /** At start: delivers what a crash has left. Answers how many events it has delivered. */
  async recover(): Promise<number> {
    const left = (await this.#store.list(outboxPrefix)).map(
      (stored) => parseJson(fromUtf8(stored.value)) as OutboxRecord,
    );
    const owed = left.filter(({ chain }) => chain === this.#log.chain).sort((a, b) => a.sequence - b.sequence);
    const [first] = owed;
    if (!first) return 0;
    const logged = this.#log.eventIdsAfter(first.sequence);
    const missing = owed.filter(({ event }) => !logged.has(event.eventID));
    this.#delivered.push(
      ...owed.filter(({ event }) => logged.has(event.eventID)).map(({ event }) => outboxPath(event)),
    );
    for (const { event } of missing) await this.deliver(event);
    await this.flush();
    return missing.length;
  }

  /** Resolves when the records of delivered events are gone, or could not be removed now. */
  async flush(): Promise<void> {
    this.#deleting ??= this.#deleteDelivered();
    await this.#deleting;
  }

  async #deleteDelivered(): Promise<void> {
    try {
      while (this.#delivered.length > 0) {
        const paths = this.#delivered.slice(0, deletionLimit);
        await this.#store.commit(paths.map((path) => ({ path, value: undefined, revision: 1 })));
        this.#delivered = this.#delivered.slice(paths.length);
      }
    } catch (error) {
      // They stay for the next delivery or start, which finds the events in the log.
      if (!(error instanceof StoreError)) throw error;
    } finally {
      this.#deleting = undefined;
    }
  }
}

const outboxPrefix = "event/";
const outboxPath = (event: AuditEvent): string => path("event", event.eventID);
