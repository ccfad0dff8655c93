import type { Engine } from "../../engine/engine.ts";
import type { Driver, SoftConfig } from "../hsm.ts";
import { SoftHsmAdmin } from "./admin.ts";
import { Domain } from "./domain.ts";
import { SoftHsm } from "./hsm.ts";

/** The software HSM: its boundary is the engine's, its domain state a sealed file in a private folder. */
export const driver: Driver<SoftConfig> = {
  init: async (config) => Domain.create(config, await engineOf(config)),
  open: async (config) => new SoftHsm(await Domain.open(config, await engineOf(config))),
  openAdmin: async (config) => new SoftHsmAdmin(await Domain.open(config, await engineOf(config))),
};

async function engineOf(_config: SoftConfig): Promise<Engine> {
  return (await import("../../engine/node/engine.ts")).open();
}
