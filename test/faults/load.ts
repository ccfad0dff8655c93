import type { KMS } from "@aws-sdk/client-kms";
import type { KeyFacts, Ledger } from "./ledger.ts";

/** The SDK's error of a request that was answered has the status of the answer. */
interface RequestError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const wasAnswered = (error: RequestError): boolean => error.$metadata?.httpStatusCode !== undefined;

/** Most keys that one client makes: what is to be verified afterwards stays within bounds. */
const keysPerClient = 3;
let clients = 0;

interface Answer {
  readonly $metadata: { readonly requestId?: string };
}

/** What a failed request has done: nothing, so that the client can go on; who knows; or it may not fail at all. */
type Verdict = "nothing" | "unknown" | "unexpected";

class WrongAnswer extends Error {}

const unlessAnswered = (error: RequestError): Verdict =>
  wasAnswered(error) || error instanceof WrongAnswer ? "unexpected" : "unknown";

/**
 * One client that changes and uses keys of its own, one request after the other, and notes what is acknowledged: so at
 * most one change of each key is ever in doubt. Ends when `stopped` says so, or after a request of which nobody knows
 * what it has done.
 */
class LoadClient {
  readonly #kms: KMS;
  readonly #ledger: Ledger;
  readonly #name = `client-${++clients}`;
  readonly #keys: string[] = [];
  #changing = "";
  #count = 0;

  constructor(kms: KMS, ledger: Ledger) {
    this.#kms = kms;
    this.#ledger = ledger;
  }

  async run(stopped: () => boolean, judge: (error: RequestError) => Verdict = unlessAnswered): Promise<void> {
    while (!stopped()) {
      try {
        await this.#step();
      } catch (error) {
        const verdict = judge(error as RequestError);
        if (verdict === "unexpected") throw error;
        if (verdict === "unknown") return;
        this.#ledger.inDoubt.delete(this.#changing);
      }
    }
  }

  async #step(): Promise<void> {
    const enabled = this.#keys.filter((id) => this.#facts(id).state === "Enabled");
    if (enabled.length === 0 || (this.#keys.length < keysPerClient && Math.random() < 0.2)) return this.#create();
    const key = pick(this.#keys);
    const used = pick(enabled);
    await pick([
      () => this.#manage(key),
      () => this.#manage(key),
      () => this.#tag(key),
      () => this.#alias(key),
      () => this.#encrypt(used),
      () => this.#generate(used),
      () => this.#reopen(used),
    ])();
  }

  async #create(): Promise<void> {
    const Description = this.#fresh();
    const made = this.#kms.createKey({ Description, Tags: [{ TagKey: "made", TagValue: "x" }] });
    const id = (await this.#noted("CreateKey", made)).KeyMetadata?.KeyId as string;
    this.#ledger.keys.set(id, { description: Description, state: "Enabled", tags: { made: "x" }, aliases: [] });
    this.#keys.push(id);
  }

  async #manage(KeyId: string): Promise<void> {
    const { state } = this.#facts(KeyId);
    const Description = this.#fresh();
    const change = {
      PendingDeletion: () =>
        this.#change(KeyId, "CancelKeyDeletion", { state: "Disabled" }, () => this.#kms.cancelKeyDeletion({ KeyId })),
      Disabled: () => this.#change(KeyId, "EnableKey", { state: "Enabled" }, () => this.#kms.enableKey({ KeyId })),
      Enabled: pick([
        () => this.#change(KeyId, "DisableKey", { state: "Disabled" }, () => this.#kms.disableKey({ KeyId })),
        () =>
          this.#change(KeyId, "ScheduleKeyDeletion", { state: "PendingDeletion" }, () =>
            this.#kms.scheduleKeyDeletion({ KeyId }),
          ),
        () =>
          this.#change(KeyId, "UpdateKeyDescription", { description: Description }, () =>
            this.#kms.updateKeyDescription({ KeyId, Description }),
          ),
      ]),
    }[state];
    await change?.();
  }

  async #tag(KeyId: string): Promise<void> {
    const { tags, state } = this.#facts(KeyId);
    if (state === "PendingDeletion") return;
    const { later, ...rest } = tags;
    if (later !== undefined) {
      const untag = () => this.#kms.untagResource({ KeyId, TagKeys: ["later"] });
      return this.#change(KeyId, "UntagResource", { tags: rest }, untag);
    }
    const value = this.#fresh();
    const tag = () => this.#kms.tagResource({ KeyId, Tags: [{ TagKey: "later", TagValue: value }] });
    await this.#change(KeyId, "TagResource", { tags: { ...tags, later: value } }, tag);
  }

  async #alias(KeyId: string): Promise<void> {
    const { aliases, state } = this.#facts(KeyId);
    const [first, ...rest] = aliases;
    if (first !== undefined && rest.length > 0) {
      const drop = () => this.#kms.deleteAlias({ AliasName: first });
      return this.#change(KeyId, "DeleteAlias", { aliases: rest }, drop);
    }
    if (state === "PendingDeletion") return;
    const AliasName = `alias/${this.#fresh()}`;
    const make = () => this.#kms.createAlias({ AliasName, TargetKeyId: KeyId });
    await this.#change(KeyId, "CreateAlias", { aliases: [...aliases, AliasName].sort() }, make);
  }

  async #encrypt(keyId: string): Promise<void> {
    const [plaintext, context] = [Buffer.from(this.#fresh()), { of: keyId }];
    const request = { KeyId: keyId, Plaintext: plaintext, EncryptionContext: context };
    const { CiphertextBlob } = await this.#noted("Encrypt", this.#kms.encrypt(request));
    this.#ledger.ciphertexts.push({ keyId, plaintext, blob: CiphertextBlob as Uint8Array, context });
  }

  async #generate(keyId: string): Promise<void> {
    const context = { of: keyId };
    const request = { KeyId: keyId, KeySpec: "AES_256", EncryptionContext: context } as const;
    const made = await this.#noted("GenerateDataKey", this.#kms.generateDataKey(request));
    const sealed = { blob: made.CiphertextBlob as Uint8Array, plaintext: made.Plaintext as Uint8Array };
    this.#ledger.ciphertexts.push({ keyId, ...sealed, context });
  }

  async #reopen(KeyId: string): Promise<void> {
    const own = this.#ledger.ciphertexts.filter(({ keyId }) => keyId === KeyId);
    if (own.length === 0) return this.#encrypt(KeyId);
    const { blob, plaintext, context } = pick(own);
    if (Math.random() < 0.5) {
      const request = { CiphertextBlob: blob, EncryptionContext: context };
      const opened = await this.#noted("Decrypt", this.#kms.decrypt(request));
      if (!Buffer.from(opened.Plaintext ?? []).equals(plaintext)) throw new WrongAnswer("another plaintext came back");
      return;
    }
    const request = { CiphertextBlob: blob, SourceEncryptionContext: context, DestinationKeyId: KeyId };
    const moved = (await this.#noted("ReEncrypt", this.#kms.reEncrypt(request))).CiphertextBlob as Uint8Array;
    this.#ledger.ciphertexts.push({ keyId: KeyId, plaintext, blob: moved, context: {} });
  }

  async #change(
    id: string,
    operation: string,
    becomes: Partial<KeyFacts>,
    request: () => Promise<Answer>,
  ): Promise<void> {
    const after = { ...this.#facts(id), ...becomes };
    this.#ledger.inDoubt.set(id, after);
    this.#changing = id;
    await this.#noted(operation, request());
    this.#ledger.keys.set(id, after);
    this.#ledger.inDoubt.delete(id);
  }

  async #noted<T extends Answer>(operation: string, answer: Promise<T>): Promise<T> {
    this.#ledger.requests.set((await answer).$metadata.requestId as string, operation);
    return answer;
  }

  #facts(id: string): KeyFacts {
    return this.#ledger.keys.get(id) as KeyFacts;
  }

  #fresh(): string {
    return `${this.#name}-${++this.#count}`;
  }
}

/** Clients under way, and the errors that they were answered. */
export interface Load {
  readonly errors: readonly Error[];
  /** Of requests that no answer came to; their clients have ended. */
  readonly unanswered: readonly Error[];
  /** Plaintexts that came back as others. */
  readonly wrong: readonly Error[];
  /** Waits for so many further answers. */
  progress(answers: number): Promise<void>;
  /** Resolves when the last requests have ended. */
  stop(): Promise<void>;
}

/** `answered`: what an answered error says. */
export function startLoad(kms: KMS, ledger: Ledger, size: number, answered: Verdict = "nothing"): Load {
  const errors: Error[] = [];
  const unanswered: Error[] = [];
  const wrong: Error[] = [];
  let stopped = false;
  const judge = (error: RequestError): Verdict => {
    if (error instanceof WrongAnswer) {
      wrong.push(error);
      return "nothing";
    }
    if (!wasAnswered(error)) {
      unanswered.push(error);
      return "unknown";
    }
    errors.push(error);
    return answered;
  };
  const running = Promise.all(
    Array.from({ length: size }, () => new LoadClient(kms, ledger).run(() => stopped, judge)),
  );
  // `stop` tells it.
  running.catch(() => undefined);
  return {
    errors,
    unanswered,
    wrong,
    progress(answers) {
      const enough = ledger.requests.size + answers;
      return until(() => ledger.requests.size >= enough, `${answers} requests are answered`);
    },
    async stop() {
      stopped = true;
      await running;
    },
  };
}

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

/** Polls until `condition` holds; an Error after `deadline` milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadline = 45_000,
): Promise<void> {
  const end = performance.now() + deadline;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${deadline} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
