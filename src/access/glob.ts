/** Any run of characters. */
export const star: unique symbol = Symbol("*");
/** Any one UTF-16 unit. */
export const question: unique symbol = Symbol("?");
export type GlobToken = string | typeof star | typeof question;

/**
 * A wildcard pattern, cut at its stars. Matching goes through the text once, without backtracking into an earlier
 * segment: the leftmost place for each segment is always good enough, because a star may take whatever lies between.
 * A regular expression would try all places, exponentially in the number of stars: a denial of service by policy.
 */
export interface Glob {
  readonly head: Segment;
  readonly middle: readonly Segment[];
  /** undefined: the pattern has no star. */
  readonly tail: Segment | undefined;
}

interface Segment {
  readonly text: string;
  /** Where a `?` stands; undefined when none does. */
  readonly questions: ReadonlySet<number> | undefined;
}

export function compileGlob(tokens: readonly GlobToken[]): Glob {
  const segments: Segment[] = [];
  let start = 0;
  for (let i = 0; i <= tokens.length; i++) {
    if (i < tokens.length && tokens[i] !== star) continue;
    segments.push(segment(tokens.slice(start, i)));
    start = i + 1;
  }
  const [head, ...rest] = segments as [Segment, ...Segment[]];
  const tail = rest.pop();
  return { head, middle: rest.filter(({ text }) => text !== ""), tail };
}

function segment(tokens: readonly GlobToken[]): Segment {
  let text = "";
  const questions = new Set<number>();
  for (const token of tokens) {
    if (token === question) questions.add(text.length);
    text += typeof token === "string" ? token : "?";
  }
  return { text, questions: questions.size > 0 ? questions : undefined };
}

/** At most text length × longest segment steps. */
export function globMatches({ head, middle, tail }: Glob, text: string): boolean {
  if (!tail) return text.length === head.text.length && fits(head, text, 0);
  const end = text.length - tail.text.length;
  let at = head.text.length;
  if (at > end || !fits(head, text, 0) || !fits(tail, text, end)) return false;
  for (const segment of middle) {
    const found = find(segment, text, at, end);
    if (found === -1) return false;
    at = found + segment.text.length;
  }
  return true;
}

function fits({ text: wanted, questions }: Segment, text: string, at: number): boolean {
  if (!questions) return text.startsWith(wanted, at);
  for (let i = 0; i < wanted.length; i++) {
    if (wanted.charCodeAt(i) !== text.charCodeAt(at + i) && !questions.has(i)) return false;
  }
  return true;
}

/** The first place from `at` where `segment` fits and ends by `end`, or -1. */
function find(segment: Segment, text: string, at: number, end: number): number {
  const last = end - segment.text.length;
  if (!segment.questions) {
    const found = text.indexOf(segment.text, at);
    return found <= last ? found : -1;
  }
  for (let place = at; place <= last; place++) {
    if (fits(segment, text, place)) return place;
  }
  return -1;
}
