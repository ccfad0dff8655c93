import type { EncryptionContext } from "../model/encryption-context.ts";
import { constraintPairs, type GrantOperation, type GrantTerms, operationBits } from "../model/grant.ts";

/** What grants are held against. */
export interface GrantUse {
  readonly operation: GrantOperation;
  readonly context?: EncryptionContext | undefined;
  /** The resource that a service makes the request for. */
  readonly sourceArn?: string | undefined;
  /** Of CreateGrant: what the new grant would allow. */
  readonly child?: GrantTerms | undefined;
}

/** Grants that allow the same under the same constraint: any of them will do. */
interface Alike {
  readonly pairs: readonly string[];
  readonly ids: Set<string>;
}

/** Grants that allow the same operations for the same source ARN. */
interface Shelf {
  readonly byConstraint: Map<string, Alike>;
  /** Subset constraints, each under one pair of its own. */
  readonly byPair: Map<string, Alike[]>;
}

/**
 * The grants of one grantee on one key, so ordered that a decision looks at few of many: by source ARN, then by the
 * operations they allow (at most 2047 kinds on a symmetric key, in practice a handful), then by the rest of their
 * constraint: Equals by the whole context, Subset by that of its pairs which the fewest others have.
 */
export class GrantSet {
  readonly #terms = new Map<string, GrantTerms>();
  readonly #sources = new Map<string, Map<number, Shelf>>();

  get size(): number {
    return this.#terms.size;
  }

  /** Once more is once. */
  add(id: string, terms: GrantTerms): void {
    if (this.#terms.has(id)) return;
    this.#terms.set(id, terms);
    const shelf = this.#shelfOf(terms);
    const { name, pairs, subset } = placeOf(terms);
    let alike = shelf.byConstraint.get(name);
    if (!alike) {
      alike = { pairs, ids: new Set() };
      shelf.byConstraint.set(name, alike);
      if (subset) rarestOf(shelf, pairs).push(alike);
    }
    alike.ids.add(id);
  }

  remove(id: string): void {
    const terms = this.#terms.get(id);
    if (!terms) return;
    this.#terms.delete(id);
    const shelf = this.#shelfOf(terms);
    const { name, pairs } = placeOf(terms);
    const alike = shelf.byConstraint.get(name) as Alike;
    alike.ids.delete(id);
    if (alike.ids.size > 0) return;
    shelf.byConstraint.delete(name);
    for (const pair of pairs) {
      const kept = shelf.byPair.get(pair)?.filter((other) => other !== alike);
      if (kept?.length === 0) shelf.byPair.delete(pair);
      else if (kept) shelf.byPair.set(pair, kept);
    }
    if (shelf.byConstraint.size === 0) this.#removeShelf(terms);
  }

  /** The id of a grant that allows the use. */
  find(use: GrantUse): string | undefined {
    const { operation, context = {}, child } = use;
    const shelves = this.#allowing(use);
    if (operation === "DescribeKey") return first(shelves.next().value?.byConstraint.values().next().value);
    const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = child?.constraints ?? {};
    // A child's constraint is equal or stricter when whatever it lets through satisfies its parent's.
    const pairs = constraintPairs(child ? (equals ?? subset ?? {}) : context);
    const whole = child && !equals ? undefined : equalsName(pairs);
    for (const shelf of shelves) {
      const alike = allowing(shelf, pairs, whole);
      if (alike) return first(alike);
    }
    return undefined;
  }

  /** DescribeKey goes without constraints, but for a source ARN that the request brings. */
  *#allowing({ operation, sourceArn, child }: GrantUse): Generator<Shelf, undefined> {
    const bits = operationBits([operation, ...(child?.operations ?? [])]);
    const parents = child && child.constraints?.SourceArn !== sourceArn ? [anySource] : [anySource, sourceArn];
    const sources = operation === "DescribeKey" && sourceArn === undefined ? this.#sources.keys() : parents;
    for (const source of sources) {
      if (source === undefined) continue;
      for (const [allowed, shelf] of this.#sources.get(source) ?? []) if ((allowed & bits) === bits) yield shelf;
    }
  }

  #shelfOf({ operations, constraints }: GrantTerms): Shelf {
    const [source, bits] = [constraints?.SourceArn ?? anySource, operationBits(operations)];
    const shelves = this.#sources.get(source) ?? new Map<number, Shelf>();
    const shelf = shelves.get(bits) ?? { byConstraint: new Map(), byPair: new Map() };
    this.#sources.set(source, shelves.set(bits, shelf));
    return shelf;
  }

  #removeShelf({ operations, constraints }: GrantTerms): void {
    const source = constraints?.SourceArn ?? anySource;
    const shelves = this.#sources.get(source);
    shelves?.delete(operationBits(operations));
    if (shelves?.size === 0) this.#sources.delete(source);
  }
}

/** `pairs`: all that are known of the context; `whole`: the constraint that they equal, when nothing else can be in it. */
function allowing(shelf: Shelf, pairs: readonly string[], whole: string | undefined): Alike | undefined {
  const found =
    shelf.byConstraint.get(unconstrained) ?? (whole === undefined ? undefined : shelf.byConstraint.get(whole));
  if (found || shelf.byPair.size === 0) return found;
  const present = new Set(pairs);
  for (const pair of present) {
    const alike = shelf.byPair.get(pair)?.find((candidate) => candidate.pairs.every((other) => present.has(other)));
    if (alike) return alike;
  }
  return undefined;
}

const anySource = "";
const unconstrained = "";
const equalsName = (pairs: readonly string[]): string => `equals ${pairs.join()}`;

function placeOf({ constraints = {} }: GrantTerms): { name: string; pairs: readonly string[]; subset: boolean } {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints;
  const pairs = constraintPairs(equals ?? subset ?? {});
  if (equals) return { name: equalsName(pairs), pairs, subset: false };
  if (pairs.length === 0) return { name: unconstrained, pairs, subset: false };
  return { name: `subset ${pairs.join()}`, pairs, subset: true };
}

function rarestOf({ byPair }: Shelf, pairs: readonly string[]): Alike[] {
  const length = (pair: string): number => byPair.get(pair)?.length ?? 0;
  const rarest = pairs.reduce((best, pair) => (length(pair) < length(best) ? pair : best));
  const others = byPair.get(rarest) ?? [];
  byPair.set(rarest, others);
  return others;
}

const first = (alike: Alike | undefined): string | undefined => alike?.ids.values().next().value;
