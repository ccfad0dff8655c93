import type { Func, Instruction, Wat } from "./wat.ts";

/**
 * Where secrets could reach what is observable. Every value loaded from the linear memory counts as secret, and so does
 * whatever is computed from one, followed through locals, blocks, calls and globals until nothing changes any more. What
 * the host passes to an export is public: addresses and lengths.
 *
 * A leak is a secret
 * - `branch`: as the condition of if, br_if, br_table or select,
 * - `address`: as the address of a load or store, or as address or length of memory.fill and memory.copy,
 * - `division`: as an operand of an instruction whose time depends on its operands,
 * - `global`: in a global, where public state is kept.
 *
 * `publicLoads` names functions that load public bytes only, `verdicts` those whose result is meant to be known. Flows
 * through the choice of a branch need no tracking: a branch on a secret is a leak already.
 */
export interface Exceptions {
  readonly publicLoads: readonly string[];
  readonly verdicts: readonly string[];
}

/** `function: kind`, sorted, each once. */
export function leaks(wat: Wat, exceptions: Exceptions): string[] {
  const secret = new Set<string>();
  const found = new Set<string>();
  for (let before = -1; before !== secret.size; ) {
    before = secret.size;
    found.clear();
    for (const func of wat.functions.values()) new Walk(wat, exceptions, func, secret, found).run();
  }
  return [...found].sort();
}

interface Frame {
  readonly op: string;
  readonly label: string | undefined;
  readonly height: number;
  readonly results: number;
  /** Of the function's loops, which one. */
  readonly loop: number;
  /** Secret locals where the block was entered, and wherever a branch leaves it. */
  readonly before: ReadonlySet<string>;
  readonly exits: Set<string>;
  isSecret: boolean;
}

/** One pass over a function. The stack holds, for each value, whether it is secret. */
class Walk {
  readonly #wat: Wat;
  readonly #exceptions: Exceptions;
  readonly #func: Func;
  /** Of the whole module: secret parameters, locals at the heads of loops, results and globals. */
  readonly #secret: Set<string>;
  readonly #found: Set<string>;
  readonly #stack: boolean[] = [];
  readonly #frames: Frame[] = [];
  #locals: Set<string>;
  #loops = 0;
  #reachable = true;

  constructor(wat: Wat, exceptions: Exceptions, func: Func, secret: Set<string>, found: Set<string>) {
    this.#wat = wat;
    this.#exceptions = exceptions;
    this.#func = func;
    this.#secret = secret;
    this.#found = found;
    this.#locals = new Set(func.params.filter((param) => secret.has(`${func.name} ${param}`)));
  }

  run(): void {
    this.#enter("block", undefined, this.#func.results);
    for (const instruction of this.#func.body) this.#step(instruction);
    this.#leave();
    if (this.#func.results > 0) this.#result(this.#pop());
  }

  #step({ op, args, results }: Instruction): void {
    const [name = ""] = args;
    if (op === "block" || op === "loop") this.#enter(op, name, results);
    else if (op === "if") {
      this.#leakIf(this.#pop(), "branch");
      this.#enter(op, name, results);
    } else if (op === "else") this.#otherwise();
    else if (op === "end") this.#leave();
    else if (op === "br" || op === "br_if") this.#branch(op, name);
    else if (op === "return") {
      if (this.#func.results > 0) this.#result(this.#pop());
      this.#reachable = false;
    } else if (op === "unreachable") this.#reachable = false;
    else if (op === "call") this.#call(name);
    else if (op === "local.get") this.#push(this.#locals.has(name));
    else if (op === "local.set") this.#setLocal(name, this.#pop());
    else if (op === "local.tee") this.#setLocal(name, this.#peek());
    else if (op === "global.get") this.#push(this.#secret.has(name));
    else if (op === "global.set") this.#setGlobal(name);
    else if (/\.load/.test(op)) {
      this.#leakIf(this.#pop(), "address");
      this.#push(!this.#exceptions.publicLoads.includes(this.#func.name));
    } else if (/\.store/.test(op)) {
      this.#pop();
      this.#leakIf(this.#pop(), "address");
    } else if (op === "memory.fill" || op === "memory.copy") {
      const [length, source, target] = [this.#pop(), this.#pop(), this.#pop()];
      this.#leakIf(length || target || (op === "memory.copy" && source), "address");
    } else this.#compute(op);
  }

  #compute(op: string): void {
    const operands = Array.from({ length: operandCount(op) }, () => this.#pop());
    if (op === "select") this.#leakIf(operands[0] === true, "branch");
    if (/\.(div|rem)_/.test(op)) this.#leakIf(operands.includes(true), "division");
    if (op !== "drop") this.#push(operands.includes(true));
  }

  #call(name: string): void {
    const callee = this.#wat.functions.get(name);
    if (!callee) throw new Error(`call of ${name}`);
    for (const param of callee.params.toReversed()) this.#mark(`${name} ${param}`, this.#pop());
    if (callee.results > 0) this.#push(this.#secret.has(name));
  }

  #setGlobal(name: string): void {
    const isSecret = this.#pop();
    this.#leakIf(isSecret, "global");
    this.#mark(name, isSecret);
  }

  #result(isSecret: boolean): void {
    this.#mark(this.#func.name, isSecret && !this.#exceptions.verdicts.includes(this.#func.name));
  }

  #setLocal(name: string, isSecret: boolean): void {
    if (isSecret) this.#locals.add(name);
    else this.#locals.delete(name);
  }

  #enter(op: string, label: string | undefined, results: number): void {
    const loop = op === "loop" ? this.#loops++ : -1;
    const before = new Set(this.#locals);
    this.#frames.push({
      op,
      label,
      height: this.#stack.length,
      results,
      loop,
      before,
      exits: new Set(),
      isSecret: false,
    });
    const prefix = `${this.#func.name} loop ${loop} `;
    for (const name of this.#secret) if (name.startsWith(prefix)) this.#locals.add(name.slice(prefix.length));
  }

  #otherwise(): void {
    const frame = this.#frames.pop() as Frame;
    if (frame.results > 0) frame.isSecret ||= this.#pop(frame.height);
    this.#stack.length = frame.height;
    this.#exit(frame);
    this.#frames.push({ ...frame, op: "else" });
    this.#locals = new Set(frame.before);
    this.#reachable = true;
  }

  #leave(): void {
    const frame = this.#frames.pop() as Frame;
    const isSecret = frame.results > 0 && (this.#pop(frame.height) || frame.isSecret);
    this.#stack.length = frame.height;
    if (frame.results > 0) this.#stack.push(isSecret);
    this.#exit(frame);
    // An if without else may not have been entered.
    this.#locals = frame.op === "if" ? frame.exits.union(frame.before) : frame.exits;
    this.#reachable = true;
  }

  #branch(op: string, label: string): void {
    if (op === "br_if") this.#leakIf(this.#pop(), "branch");
    const frame = this.#frames.findLast((candidate) => candidate.label === label);
    if (!frame) throw new Error(`br to ${label}`);
    if (frame.op === "loop") {
      for (const name of this.#locals) this.#mark(`${this.#func.name} loop ${frame.loop} ${name}`, true);
    } else {
      if (frame.results > 0) frame.isSecret ||= this.#peek();
      this.#exit(frame);
    }
    if (op === "br") this.#reachable = false;
  }

  /** Control may go on behind `frame` from here. */
  #exit(frame: Frame): void {
    if (this.#reachable) for (const name of this.#locals) frame.exits.add(name);
  }

  #leakIf(isSecret: boolean, kind: string): void {
    if (isSecret) this.#found.add(`${this.#func.name.replace("$assembly/", "")}: ${kind}`);
  }

  #mark(name: string, isSecret: boolean): void {
    if (isSecret) this.#secret.add(name);
  }

  #push(isSecret: boolean): void {
    this.#stack.push(isSecret);
  }

  #peek(): boolean {
    return this.#stack.at(-1) ?? false;
  }

  /** Behind a `br` the stack may be empty: nothing gets there. */
  #pop(height = this.#frames.at(-1)?.height ?? 0): boolean {
    if (this.#stack.length > height) return this.#stack.pop() as boolean;
    if (this.#reachable) throw new Error(`the stack is empty in ${this.#func.name}`);
    return false;
  }
}

const unary = /\.(eqz|splat|extend\w*|wrap\w*|any_true|all_true|ctz|clz|popcnt|not|neg|abs|bitmask|extract_lane\w*)$/;
const binary =
  /\.(add|sub|mul|and|andnot|or|xor|shl|shr_[su]|rot[lr]|eq|ne|[lg][te]_[su]|(div|rem)_[su]|shuffle|(relaxed_)?swizzle|replace_lane)$/;

/** An instruction that is not known here stops the analysis. */
function operandCount(op: string): number {
  if (op.endsWith(".const")) return 0;
  if (op === "drop" || unary.test(op)) return 1;
  if (binary.test(op)) return 2;
  if (op === "select" || op === "v128.bitselect") return 3;
  throw new Error(`unknown instruction ${op}`);
}
