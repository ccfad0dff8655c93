import type { Conditions } from "../access/context.ts";
import type { Call } from "../kms/call.ts";
import type { FoundKey } from "../kms/find.ts";
import type { Kms } from "../kms/kms.ts";
import { checkState } from "../model/state-table.ts";
import { unfitOrigin } from "./checks.ts";

/** A key for imported material. That it is none is said whatever its state. */
export async function importedKey(kms: Kms, call: Call, keyId: string, conditions: Conditions = []): Promise<FoundKey> {
  const found = await kms.key(call, keyId, { conditions, anyState: true });
  const { record, arn } = found.value;
  if (record.origin !== "EXTERNAL") throw unfitOrigin(found);
  checkState(call.operation, record.state, arn);
  return found;
}
