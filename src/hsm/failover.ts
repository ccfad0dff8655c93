import { HsmError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { Hsm } from "./hsm.ts";
import type { Member } from "./member.ts";

/** A call, and one of the HSMs that can serve it. */
export interface Attempt<T> {
  readonly member: Member;
  readonly work: (hsm: Hsm) => Promise<T>;
}

/** For all attempts together, in milliseconds: the default deadline of one call to an HSM. */
const deadline = 5_000;

/**
 * The answer of one of the HSMs. The healthy ones are asked before others, and of those the least busy one; where it has no
 * answer in its share of the deadline, or fails, or lacks the function, the next is asked. What is refused is refused: a
 * token that is not authentic is never tried elsewhere. `work` may be done more than once. `patient`: each driver's own
 * deadline holds, for what takes an HSM seconds.
 */
export async function firstAnswer<T>(attempts: readonly Attempt<T>[], patient = false): Promise<T> {
  const due = performance.now() + deadline;
  const left = attempts.toSorted(compare);
  let failure: HsmError | undefined;
  for (let next = left.shift(); next; next = left.shift()) {
    const { member, work } = next;
    const healthy = left.filter((other) => other.member.healthy).length;
    try {
      // Where nobody else was or is there to ask, the driver's own deadline holds.
      if (patient || (!failure && healthy === 0)) return await member.run(work);
      return await within(member, member.run(work), (due - performance.now()) / (healthy + 1));
    } catch (error) {
      if (!(error instanceof HsmError) || error.kind === "refused") throw error;
      // That one lacks a function says less than that another was not there.
      if (!failure || error.kind !== "unsupported") failure = error;
    }
  }
  throw failure;
}

const compare = ({ member: a }: Attempt<unknown>, { member: b }: Attempt<unknown>): number =>
  Number(b.healthy) - Number(a.healthy) || a.inFlight - b.inFlight;

function within<T>(member: Member, answer: Promise<T>, milliseconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const reason = `the HSM ${member.name} did not answer in time`;
      member.doubt(reason);
      reject(new HsmError("unavailable", reason));
      answer.then(discard, () => undefined);
    }, milliseconds);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Nobody waits any more for what may be a plaintext. */
function discard(answer: unknown): void {
  const parts = answer instanceof Uint8Array ? [answer] : Object.values(answer ?? {});
  wipe(...parts.filter((part) => part instanceof Uint8Array));
}
