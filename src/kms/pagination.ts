import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { concat, fromUtf8, utf8 } from "../base/bytes.ts";
import { KmsError, StoreError } from "../base/errors.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";
import type { Call } from "./call.ts";
import type { Records } from "./records.ts";

export interface Page {
  readonly marker: string | undefined;
  readonly limit: number;
}

export interface Cut<T> {
  readonly items: readonly T[];
  /** Present when there is more. */
  readonly next?: string;
}

const markerKeyPath = path("setting", "marker-key");

/**
 * Markers are sealed: a client can neither read one (it names a record) nor make one, and one list's marker is no good
 * for another. The key rests in the store, so that every process and restart takes the others' markers.
 */
export class Markers {
  readonly #store: Store;
  #key: Uint8Array | undefined;

  constructor(store: Store) {
    this.#store = store;
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
    const key = await this.#markerKey();
    const after = marker === undefined ? undefined : open(key, binding(call, scope), marker);
    const found = await records.list<unknown>(prefix, limit + 1, after);
    const shown = found.slice(0, limit);
    const items = shown.map((record) => item(record.path, record.value));
    const last = shown.at(-1);
    return found.length > limit && last ? { items, next: seal(key, binding(call, scope), last.path) } : { items };
  }

  /** A page of a list that is at hand; the marker is a position. */
  async slice<T>(call: Call, { marker, limit }: Page, scope: string, all: readonly T[]): Promise<Cut<T>> {
    const key = await this.#markerKey();
    const start = marker === undefined ? 0 : Number(open(key, binding(call, scope), marker));
    const end = start + limit;
    const items = all.slice(start, end);
    return end < all.length ? { items, next: seal(key, binding(call, scope), String(end)) } : { items };
  }

  async #markerKey(): Promise<Uint8Array> {
    this.#key ??= (await this.#store.get(markerKeyPath))?.value;
    if (this.#key) return this.#key;
    try {
      await this.#store.commit([{ path: markerKeyPath, value: randomBytes(32), revision: 0 }]);
    } catch (error) {
      // Another process was first: its key is the one.
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
    return this.#markerKey();
  }
}

const binding = (call: Call, scope: string): Uint8Array =>
  utf8(JSON.stringify([call.operation, call.account, call.region, scope]));

function seal(key: Uint8Array, aad: Uint8Array, text: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(aad);
  const sealed = concat(iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag());
  return sealed.toBase64({ alphabet: "base64url", omitPadding: true });
}

function open(key: Uint8Array, aad: Uint8Array, marker: string): string {
  try {
    const sealed = Uint8Array.fromBase64(marker, { alphabet: "base64url" });
    const cipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12), { authTagLength: 16 });
    cipher.setAAD(aad).setAuthTag(sealed.subarray(-16));
    return fromUtf8(concat(cipher.update(sealed.subarray(12, -16)), cipher.final()));
  } catch {
    throw new KmsError("InvalidMarkerException", "The marker is not one that this list has given out.");
  }
}
