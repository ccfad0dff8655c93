import type { Bytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import type { HbkMeta } from "../../model/hbk.ts";
import type { HbkSpec, WrappingAlgorithm } from "../../model/key-spec.ts";
import type { Wrapping } from "../../model/wrapping.ts";
import type { Ekt, ImportedKey, Imports, NewKeyPair } from "../hsm.ts";
import { importRefusal, noWrappingKeys } from "./profile/served.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Material that comes into a token: worker/token-imports.ts. */
export class Pkcs11Imports implements Imports {
  readonly #workers: WorkerPool<"hsm">;

  constructor(workers: WorkerPool<"hsm">) {
    this.#workers = workers;
  }

  refusal(spec: HbkSpec, wrapping: Wrapping): string | undefined {
    return importRefusal(this.#workers.profile, this.#workers.info, spec, wrapping);
  }

  async wrappingKey(meta: HbkMeta): Promise<NewKeyPair> {
    const { wrapping } = this.#workers.info;
    if (wrapping === "resident") throw new HsmError("unsupported", noWrappingKeys);
    return this.#workers.call("wrappingKey", meta);
  }

  unwrap(
    meta: HbkMeta,
    wrapping: Ekt,
    algorithm: WrappingAlgorithm,
    wrapped: Bytes,
  ): Promise<ImportedKey | "unfit" | null> {
    return this.#workers.call("unwrap", meta, wrapping, algorithm, wrapped);
  }
}
