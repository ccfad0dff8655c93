import { changePrefix } from "./change.ts";
import type { Store, Stored } from "./store.ts";

const pageLength = 500;

/** Every row of the store below the barrier but the chain's, in order. */
export async function* scan(inner: Store): AsyncGenerator<readonly Stored[]> {
  let after = "";
  for (;;) {
    const rows = await inner.list("", after === "" ? { limit: pageLength } : { after, limit: pageLength });
    yield rows.filter(({ path }) => !path.startsWith(changePrefix));
    if (rows.length < pageLength) return;
    after = (rows.at(-1) as Stored).path;
  }
}
