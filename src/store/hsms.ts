import type { Bytes } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Hsm } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";

/** The HSMs that keep the keys of a store, as an `HsmSet` has them. */
export interface StoreHsms extends Pick<HsmSet, "use"> {
  /** Makes new keys. */
  readonly primary: { readonly hsm: Pick<Hsm, "generateKey"> };
  /** Those that remember the store's anchor. */
  readonly keepers: readonly AnchorKeeper[];
  readonly members: readonly AnchorKeeper[];
}

export interface AnchorKeeper {
  run<T>(work: (hsm: Pick<Hsm, "readAnchor" | "writeAnchor">) => Promise<T>): Promise<T>;
}

/** For a copy of the store that `hsms` remember: their anchor is neither compared nor moved. */
export function unanchored(use: HsmSet["use"]): StoreHsms {
  let anchor: Bytes | undefined;
  const hsm = {
    generateKey: () => Promise.reject(new StoreError("unavailable", "a copy of a store makes no keys")),
    readAnchor: async () => anchor,
    async writeAnchor(written: Bytes) {
      anchor = written;
    },
  };
  return { use, primary: { hsm }, keepers: [{ run: (work) => work(hsm) }], members: [] };
}
