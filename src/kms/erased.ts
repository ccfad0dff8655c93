import type { AuditEvent } from "../audit/audit.ts";
import type { Outbox } from "../audit/outbox.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import { path } from "../store/path.ts";
import type { Store } from "../store/store.ts";

const recordPath = path("setting", "erased");

/** Domain keys of HSMs that are not configured any more, of which an operator has said that they are erased. */
export async function erasedDomainKeys(store: Pick<Store, "get">): Promise<ReadonlySet<DomainKeyId>> {
  const stored = await store.get(recordPath);
  return new Set(stored ? (JSON.parse(fromUtf8(stored.value)) as DomainKeyId[]) : []);
}

/** For good: what waits for nothing else counts as gone then. `told` is in the log if and only if this is in the store. */
export async function declareErased(
  { store, outbox }: { readonly store: Store; readonly outbox: Outbox },
  domainKeys: readonly DomainKeyId[],
  told: AuditEvent,
): Promise<void> {
  for (;;) {
    const revision = (await store.get(recordPath))?.revision ?? 0;
    const all = [...(await erasedDomainKeys(store)), ...domainKeys];
    try {
      await outbox.commit([{ path: recordPath, value: utf8(JSON.stringify([...new Set(all)])), revision }], told);
      return;
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "conflict")) throw error;
    }
  }
}
