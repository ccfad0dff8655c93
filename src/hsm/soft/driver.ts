import type { Engine, EngineName } from "../../engine/engine.ts";
import { openEngine } from "../../engine/index.ts";
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

/** Engines that have passed their self-tests, which take a quarter of a second: once a process. They hold no keys. */
const engines = new Map<EngineName, Promise<Engine>>();

function engineOf({ engine: name = "wasm" }: SoftConfig): Promise<Engine> {
  const opened = engines.get(name) ?? openEngine(name);
  engines.set(name, opened);
  return opened;
}
