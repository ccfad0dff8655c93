import { setImmediate } from "node:timers/promises";
import { changePrefix } from "./change.ts";
import type { Store, Stored } from "./store.ts";

const pageLength = 200;

/** Every row of the store below the barrier but the chain's, in order, page by page; others get their turn in between. */
export async function* scan(inner: Store): AsyncGenerator<readonly Stored[]> {
  let after = "";
  for (;;) {
    const rows = await inner.list("", after === "" ? { limit: pageLength } : { after, limit: pageLength });
    yield rows.filter(({ path }) => !path.startsWith(changePrefix));
    if (rows.length < pageLength) return;
    after = (rows.at(-1) as Stored).path;
    await setImmediate();
  }
}
