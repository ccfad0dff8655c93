import { ConfigError } from "../../../base/errors.ts";

/** Which token is meant. All that are given must match; slots have no part in it, as their order changes. */
export interface TokenSelector {
  readonly label?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly slotId?: number;
}

export interface Candidate<Slot> {
  readonly slot: Slot;
  /** As the module gives them, padded with blanks or not. */
  readonly token: Required<TokenSelector>;
}

/** The slot of the one token that matches. ConfigError when none does, or several do: labels are not unique. */
export function chooseToken<Slot>(candidates: readonly Candidate<Slot>[], wanted: TokenSelector): Slot {
  const fieldOf = (token: Required<TokenSelector>, name: keyof TokenSelector) => {
    const field = token[name];
    return typeof field === "string" ? unpadded(field) : field;
  };
  const found = candidates.filter(({ token }) =>
    (Object.entries(wanted) as [keyof TokenSelector, string | number][]).every(
      ([name, value]) => value === fieldOf(token, name),
    ),
  );
  const [match, ...others] = found;
  if (!match) throw new ConfigError("no token answers to the PKCS#11 URI");
  if (others.length > 0) {
    const isTelling = ([name]: (typeof telling)[number]) =>
      new Set(found.map(({ token }) => fieldOf(token, name))).size === found.length;
    const attribute = telling.find(isTelling)?.[1] ?? "slot-id=<number>";
    throw new ConfigError(`${found.length} tokens answer to the PKCS#11 URI: add ${attribute}`);
  }
  return match.slot;
}

/** Of attributes in which tokens differ, the best first: openCryptoki gives all its tokens one serial number. */
const telling = [
  ["serial", "serial=<serial>"],
  ["label", "token=<label>"],
] as const;

/** A text field of PKCS#11 is padded with blanks; pkcs11js pads the labels that it sets with NULs. */
export const unpadded = (field: string): string => field.replace(/[\0 ]+$/, "");
