import type { Conditions } from "../access/context.ts";
import type { Call } from "../kms/call.ts";
import type { FoundKey } from "../kms/find.ts";
import type { Kms } from "../kms/kms.ts";
import { unfitOrigin } from "./checks.ts";

/** A key for imported material. That it is none is said whatever its state. */
export const importedKey = (kms: Kms, call: Call, keyId: string, conditions: Conditions = []): Promise<FoundKey> =>
  kms.key(call, keyId, {
    conditions,
    check({ record, arn }) {
      if (record.origin !== "EXTERNAL") throw unfitOrigin(record, arn);
    },
  });
