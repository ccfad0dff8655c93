import { KmsError } from "../base/errors.ts";
import type { Call } from "./call.ts";
import type { Records } from "./records.ts";
import type { Seal } from "./seal.ts";

export interface Page {
  readonly marker: string | undefined;
  readonly limit: number;
}

export interface Cut<T> {
  readonly items: readonly T[];
  /** Present when there is more. */
  readonly next?: string;
}

/** Markers are sealed: one names a record, and one list's marker is no good for another. */
export class Markers {
  readonly #seal: Seal;

  constructor(seal: Seal) {
    this.#seal = seal;
  }

  /** A page of the records under `prefix`. */
  async page<T>(
    call: Call,
    { marker, limit }: Page,
    scope: string,
    prefix: string,
    records: Records,
    item: (path: string, value: unknown) => T,
  ): Promise<Cut<T>> {
    const purpose = binding(call, scope);
    const after = marker === undefined ? undefined : await this.#open(purpose, marker);
    const found = await records.list<unknown>(prefix, limit + 1, after);
    const shown = found.slice(0, limit);
    const items = shown.map((record) => item(record.path, record.value));
    const last = shown.at(-1);
    return found.length > limit && last ? { items, next: await this.#make(purpose, last.path) } : { items };
  }

  /** A page of a list that is at hand; the marker is a position. */
  async slice<T>(call: Call, { marker, limit }: Page, scope: string, all: readonly T[]): Promise<Cut<T>> {
    const purpose = binding(call, scope);
    const start = marker === undefined ? 0 : Number(await this.#open(purpose, marker));
    const end = start + limit;
    const items = all.slice(start, end);
    return end < all.length ? { items, next: await this.#make(purpose, String(end)) } : { items };
  }

  async #make(purpose: string, text: string): Promise<string> {
    return (await this.#seal.seal(purpose, text)).toBase64({ alphabet: "base64url", omitPadding: true });
  }

  async #open(purpose: string, marker: string): Promise<string> {
    const sealed = fromBase64Url(marker);
    const text = sealed && (await this.#seal.open(purpose, sealed));
    if (text !== undefined) return text;
    throw new KmsError("InvalidMarkerException", "The marker is not one that this list has given out.");
  }
}

const binding = (call: Call, scope: string): string =>
  JSON.stringify([call.operation, call.account, call.region, scope]);

function fromBase64Url(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    return undefined;
  }
}
