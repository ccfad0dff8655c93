import { type attestationProblems, ours, parts, proxyFailures, recorded, type Texts } from "./messages.ts";

type Recorded = typeof recorded;
type Ours = typeof ours;

/** The error names that reach a client. HTTP status: `httpStatus` in server/errors.ts. */
export type KmsErrorCode = keyof Recorded | keyof Ours;

type TextsOf<C extends KmsErrorCode> = (C extends keyof Recorded ? Recorded[C] : unknown) &
  (C extends keyof Ours ? Ours[C] : unknown);

type Places<T> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Places<Rest> : never;
type None = Readonly<Record<string, never>>;

/** What the places of a text are filled with. */
export type ValuesOf<T> = [Places<T>] extends [never] ? None : { readonly [Name in Places<T>]: string | number };

/** Exceptions without texts. */
type Bare<T> = { [C in keyof T]: keyof T[C] extends never ? C : never }[keyof T];

/** What can be said under an exception. */
export type MessageName<C extends KmsErrorCode> = keyof TextsOf<C>;
export type MessageValues<C extends KmsErrorCode, N extends MessageName<C>> = ValuesOf<TextsOf<C>[N]>;

type Named<C extends KmsErrorCode, N extends MessageName<C>> =
  MessageValues<C, N> extends None
    ? [code: C, name: N, values?: None, options?: ErrorOptions]
    : [code: C, name: N, values: MessageValues<C, N>, options?: ErrorOptions];

/** An exception, which of its texts, and what goes into the text: all that a KmsError is made of. */
export type Message =
  | { [C in KmsErrorCode]: { [N in MessageName<C>]: Named<C, N> }[MessageName<C>] }[KmsErrorCode]
  | [code: Bare<Recorded> | Bare<Ours>]
  | [code: KmsErrorCode, failure: keyof typeof proxyFailures, values: None, options?: ErrorOptions];

export type AttestationProblem = keyof typeof attestationProblems;

/** One of `parts`. */
export const part = <N extends keyof typeof parts>(name: N, values: ValuesOf<(typeof parts)[N]>): string =>
  fill(parts[name], values);

export function textOf(code: KmsErrorCode, name: string | undefined, values: Values = {}): string {
  if (name === undefined) return "";
  const groups: readonly (Readonly<Record<string, string>> | undefined)[] = [
    (recorded as Texts)[code],
    (ours as Texts)[code],
    proxyFailures,
  ];
  const text = groups.find((group) => group && Object.hasOwn(group, name))?.[name] as string;
  return fill(text, values);
}

type Values = Readonly<Record<string, string | number>>;

const fill = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
