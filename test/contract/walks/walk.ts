import * as client from "@aws-sdk/client-kms";

/** `[name of the answer, operation, request]`. In requests, `$name.path` stands for a part of an earlier answer. */
export type Step = readonly [name: string, operation: string, request: object];

/** What a tool does with one resource; what it expects to read back is a part of what it is answered. */
export interface Walk {
  readonly name: string;
  readonly create: readonly Step[];
  readonly read: readonly Step[];
  readonly created: Expected;
  readonly update?: readonly Step[];
  readonly updated?: Expected;
  readonly delete: readonly Step[];
  readonly deleted: Expected;
}

type Expected = Readonly<Record<string, object>>;
type Answers = Record<string, unknown>;

/** Makes the calls of a walk, one after the other, with all answers so far at hand. */
export class Walker {
  readonly #kms: client.KMSClient;
  readonly #answers: Answers = {};

  constructor(kms: client.KMSClient) {
    this.#kms = kms;
  }

  /** What these steps were answered, by their names; without what is of the transport. */
  async walk(steps: readonly Step[]): Promise<Answers> {
    const answered: Answers = {};
    for (const [name, operation, request] of steps) {
      // biome-ignore lint/performance/noDynamicNamespaceImportAccess: every operation of the walks
      const Command = client[`${operation}Command` as keyof typeof client] as unknown as new (
        input: object,
      ) => client.DescribeKeyCommand;
      const { $metadata: _, ...answer } = await this.#kms.send(new Command(this.filled(request)));
      answered[name] = this.#answers[name] = answer;
    }
    return answered;
  }

  /** `value` with every `$name.path` replaced. */
  filled<T>(value: T): T {
    if (typeof value === "string" && value.startsWith("$")) {
      const path = value.slice(1).split(".");
      return path.reduce<unknown>((at, name) => (at as Answers)[name], this.#answers) as T;
    }
    if (Array.isArray(value)) return value.map((item) => this.filled(item)) as T;
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.filled(item)])) as T;
  }
}
