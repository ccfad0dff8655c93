import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MovableClock } from "../../src/base/clock.ts";
import type { ConfiguredHsm, SoftConfig } from "../../src/hsm/config.ts";
import { initHsm, mainHsm, openHsmAdmin } from "../../src/hsm/index.ts";
import type { Member } from "../../src/hsm/member.ts";
import { DomainKeys } from "../../src/kms/domain-keys.ts";
import { openParts, type Parts, type Premises } from "../../src/service.ts";

/** A deployment without a server: everything real, in a folder of its own. */
export interface Site {
  readonly premises: Premises;
  readonly clock: MovableClock;
  readonly hsm: SoftConfig;
  open(): Promise<Parts>;
  /** Of the primary unless another is given. */
  domainKeys(parts: Parts, member?: Member): DomainKeys;
  remove(): void;
}

/** `others`: HSMs beside the main one, by name. */
export async function newSite(others: readonly ConfiguredHsm[] = []): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), "strongroom-kms-"));
  const directory = join(folder, "hsm");
  const hsm: SoftConfig = { driver: "soft", directory, keyFile: join(directory, "key") };
  await initHsm(hsm);
  const clock = new MovableClock();
  const store = { file: join(folder, "store.db"), create: true };
  const premises: Premises = {
    hsms: [...mainHsm(hsm), ...others],
    store,
    audit: { directory: join(folder, "audit"), chain: "service" },
    clock,
  };
  let made = false;
  return {
    premises,
    clock,
    hsm,
    async open() {
      const parts = await openParts({ ...premises, store: { ...store, create: !made } });
      made = true;
      return parts;
    },
    domainKeys: (parts, member = parts.hsms.primary) =>
      new DomainKeys({ ...parts, member, clock, openAdmin: openHsmAdmin }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
