import { KmsError } from "../base/errors.ts";
import { components, path } from "../store/path.ts";
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

  /**
   * A page of `head`, which is at hand, and of the records under `prefix`, whose paths have one component more. The
   * marker is a position in the former, or the last component.
   */
  async page<T, H = never>(
    call: Call,
    { marker, limit }: Page,
    scope: string,
    prefix: string,
    records: Records,
    item: (path: string, value: unknown) => T,
    head: readonly H[] = [],
  ): Promise<Cut<T | H>> {
    const purpose = binding(call, scope);
    const place = marker === undefined ? "#0" : await this.#open(purpose, marker);
    const inHead = place.startsWith("#");
    const start = inHead ? Number(place.slice(1)) : head.length;
    const end = start + limit;
    const first = head.slice(start, end);
    const left = limit - first.length;
    const found = await records.list<unknown>(prefix, left + 1, inHead ? undefined : prefix + path(place));
    const shown = found.slice(0, left);
    const items = [...first, ...shown.map((record) => item(record.path, record.value))];
    const more = found.length > left || end < head.length;
    const last = shown.at(-1)?.path.slice(prefix.length);
    const next = last === undefined ? `#${end}` : (components(last)[0] as string);
    return more ? { items, next: await this.#make(purpose, next) } : { items };
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
    throw new KmsError("InvalidMarkerException", "marker");
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
