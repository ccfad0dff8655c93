import { fromUtf8 } from "../base/bytes.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { readTokens, type Tokens } from "../hsm/tokens.ts";
import { parseJson } from "../model/json.ts";
import { arnOf, type HbkRecord } from "../model/key.ts";
import { components } from "../store/path.ts";
import type { Store } from "../store/store.ts";
import { DomainRecords } from "./domain-record.ts";
import { storedHbks } from "./key-tokens.ts";
import { domainKeyOf } from "./records.ts";

export interface MissingHsmsParts {
  readonly store: Pick<Store, "get" | "list">;
  readonly hsms: HsmSet;
}

/** An HSM that the configuration does not name, with keys whose material no other HSM has. */
export interface MissingHsm {
  /** As it was last configured; `domain key ID` where the store does not remember whose that is. */
  readonly name: string;
  /** ARNs. */
  readonly keys: readonly string[];
}

/** Reads where every key is, and opens none. An HSM that is configured and away is not missing. */
export async function missingHsms({ store, hsms }: MissingHsmsParts): Promise<readonly MissingHsm[]> {
  const isHeld = (tokens: Tokens): boolean => tokens.some((ekt) => hsms.of(ekt).length > 0);
  const strays = new Map<string, { readonly tokens: Tokens; readonly keys: Set<string> }>();
  for await (const { path, value } of storedHbks(store)) {
    const { keyId: id, account, ...stored } = parseJson(fromUtf8(value)) as HbkRecord;
    const tokens = readTokens(stored) as Tokens;
    if (isHeld(tokens)) continue;
    const [, region] = components(path) as [string, string];
    const place = tokens.map(domainKeyOf).join(" ");
    const { keys } = strays.get(place) ?? { keys: new Set() };
    strays.set(place, { tokens, keys: keys.add(arnOf({ region, account, id })) });
  }
  if (strays.size === 0) return [];
  // Another process may have made the domain key a moment ago.
  await Promise.allSettled(hsms.members.map(({ opened }) => opened?.reload()));
  const missing = new Map<string, Set<string>>();
  const nameOf = await namesOf({ store, hsms });
  for (const { tokens, keys } of strays.values()) {
    const name = isHeld(tokens) ? undefined : nameOf(domainKeyOf(tokens[0]));
    if (name !== undefined) missing.set(name, keys.union(missing.get(name) ?? new Set()));
  }
  return [...missing].map(([name, keys]) => ({ name, keys: [...keys] }));
}

/** What holds a domain key that no HSM here has; undefined where one may have it that is away. */
async function namesOf({ store, hsms }: MissingHsmsParts): Promise<(domainKey: DomainKeyId) => string | undefined> {
  const names = await new DomainRecords(store).names();
  const isAnyAway = hsms.members.some(({ opened }) => !opened);
  return (domainKey) => {
    const name = names.get(domainKey);
    if (name !== undefined && !hsms.named(name)) return name;
    return isAnyAway ? undefined : `domain key ${domainKey}`;
  };
}

/** For people: what is wrong, in the words of `readyz` and `hsm list`. */
export const missingNotice = ({ keys }: MissingHsm): string =>
  `not in the configuration: ${keys.length === 1 ? "1 key is" : `${keys.length} keys are`} in it alone, and cannot be used`;

/** Looks for them from time to time, and tells of each that it has not told of. */
export class MissingHsms {
  readonly #parts: MissingHsmsParts;
  readonly #tell: (name: string, notice: string) => void;
  #last: readonly MissingHsm[] = [];

  constructor(parts: MissingHsmsParts, tell: (name: string, notice: string) => void) {
    this.#parts = parts;
    this.#tell = tell;
  }

  /** As they were at the last look. */
  get last(): readonly MissingHsm[] {
    return this.#last;
  }

  async look(): Promise<void> {
    const told = new Set(this.#last.map(({ name }) => name));
    this.#last = await missingHsms(this.#parts);
    for (const missing of this.#last) {
      if (!told.has(missing.name)) this.#tell(missing.name, `${missingNotice(missing)}; ${remedy}`);
    }
  }
}

const remedy = "configure it and restart, or delete those keys: `strongroom hsm list --json` names them";
