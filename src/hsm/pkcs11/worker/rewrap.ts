import type { Ekt } from "../../hsm.ts";
import type { BackingKeys } from "../keys/backing-keys.ts";
import type { Domain } from "../keys/domain.ts";

/**
 * The same HBK under the active domain key; in `region`, where that is given. The new token is opened and its key named
 * again: SoftHSM 2.7.0 has a mechanism that wraps wrong bytes.
 */
export function rewrap(domain: Domain, keys: BackingKeys, ekt: Ekt, region?: string): Ekt {
  domain.load();
  const { meta, hbkId, fresh } = keys.move(ekt, (key, { meta: before, hbkId }) => {
    const meta = { ...before, region: region ?? before.region };
    return { meta, hbkId, fresh: keys.seal(meta, key, hbkId) };
  });
  keys.confirm(fresh, meta, hbkId);
  return fresh;
}
