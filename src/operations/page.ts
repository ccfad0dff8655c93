import { KmsError } from "../base/errors.ts";
import { part } from "../base/message.ts";
import type { Page } from "../kms/pagination.ts";
import { pageSizes } from "../model/quotas.ts";

/** Members of every list. */
interface Request {
  readonly Limit?: number;
  readonly Marker?: string;
}

/** Which page a list is asked for. The model allows a limit of 1,000; some lists take less. */
export function pageOf(list: keyof typeof pageSizes, { Limit, Marker }: Request): Page {
  const { unlessStated, most } = pageSizes[list];
  const limit = Limit ?? unlessStated;
  if (limit > most) {
    const parts = part("greatest", { path: "limit", value: limit, max: most });
    throw new KmsError("ValidationException", "constraint", { parts });
  }
  return { marker: Marker, limit };
}
