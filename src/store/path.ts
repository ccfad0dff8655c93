import { hex, utf8 } from "../base/bytes.ts";
import type { Engine } from "../engine/engine.ts";

/**
 * Which components of a path stand in the store as they are, by its first component; `#` stands for a name, which is
 * hashed. So is every component that no pattern mentions: a new kind of record leaks nothing before it is listed here.
 * Pinned: a change moves records that exist.
 */
const patterns: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  [
    "key/account/region/id",
    "hbk/region/hbk",
    "alias/account/region/#",
    "grant/account/region/key/id",
    "grantee/account/region/key/#/id",
    "retirable/account/region/#/id",
    "grant-name/account/region/key/#",
    "principal/account/#",
    "access-key/#",
    "event/id",
    "job/kind/id",
    "removed/region/hbk",
    "tombstone/kind/id",
    "usage/account/region/id",
    "setting/name",
    "domain/name",
    "key-stores/account/region",
    "key-store-key/account/region/store/#",
  ].map((pattern) => {
    const [kind, ...rest] = pattern.split("/") as [string, ...string[]];
    return [kind, rest];
  }),
);

/** First components that belong to the barrier. */
const reserved = ["barrier", "change"];

const wellFormed = /^[A-Za-z0-9:+=,.@_%-]+(\/[A-Za-z0-9:+=,.@_%-]+)*$/;

/** `alias/111122223333/us-east-1/alias%2Fpayroll`: components may be any well-formed strings that are not empty. */
export function path(...components: readonly string[]): string {
  let text = "";
  for (const component of components) {
    if (component === "") throw new RangeError("a path component is empty");
    text += text === "" ? escapeComponent(component) : `/${escapeComponent(component)}`;
  }
  return text;
}

/** The strings that `path` was given. */
export const components = (escaped: string): readonly string[] => escaped.split("/").map(decodeURIComponent);

const escapeComponent = (component: string): string =>
  /^[\w.:+=,@-]+$/.test(component)
    ? component
    : encodeURIComponent(component)
        .replaceAll(/%(?:3A|2B|3D|2C|40)/g, decodeURIComponent)
        .replaceAll(/[!~*'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** Where records of clear paths rest: names are replaced by HMAC(index key, "path" ‖ 00 ‖ clear path up to the name). */
export class StoredPaths {
  readonly #engine: Engine;
  readonly #indexKey: Uint8Array;
  readonly #known = new Map<string, string>();

  /** `indexKey` stays with its owner. */
  constructor(engine: Engine, indexKey: Uint8Array) {
    this.#engine = engine;
    this.#indexKey = indexKey;
  }

  /** RangeError when `clear` is not what `path` makes, or is the barrier's own. */
  of(clear: string): string {
    const known = this.#known.get(clear);
    if (known !== undefined) return known;
    const stored = this.#hashNames(clear);
    if (this.#known.size >= knownLimit) this.#known.clear();
    this.#known.set(clear, stored);
    return stored;
  }

  /** Of a prefix: whole components that end with a slash. */
  ofPrefix(clear: string): string {
    if (!clear.endsWith("/")) throw new RangeError("a prefix ends with a slash");
    return `${this.of(clear.slice(0, -1))}/`;
  }

  #hashNames(clear: string): string {
    const [kind, ...rest] = clear.split("/") as [string, ...string[]];
    if (!wellFormed.test(clear) || reserved.includes(kind)) throw new RangeError("not the path of a record");
    const pattern = patterns[kind] ?? [];
    const stored = rest.map((component, i) =>
      (pattern[i] ?? "#") === "#" ? this.#hash([kind, ...rest.slice(0, i + 1)].join("/")) : component,
    );
    return [kind, ...stored].join("/");
  }

  /** The parents are hashed, too: that two accounts use one name does not show. */
  #hash(clear: string): string {
    return hex(this.#engine.hmacSha256(this.#indexKey, utf8(`path\0${clear}`)));
  }
}

const knownLimit = 8192;
