import { ConfigError } from "../../base/errors.ts";
import { openAsymmetric } from "../../engine/asymmetric/self-test.ts";
import { type Choice, chooseEngine } from "../../engine/auto.ts";
import type { SoftConfig } from "../config.ts";
import type { Driver } from "../driver.ts";
import { SoftHsmAdmin } from "./admin.ts";
import { Domain } from "./domain.ts";
import { SoftHsm } from "./hsm.ts";

/** The software HSM: its boundary is the engine's, its domain state a sealed file in a private folder. */
export const driver: Driver<SoftConfig> = {
  async init(config, mode = "plain") {
    if (mode !== "plain") throw new ConfigError(`the domain key of the software HSM is plain, and cannot be ${mode}`);
    return Domain.create(config, (await choiceOf(config)).engine);
  },
  open: async (config) => {
    const asymmetric = await openAsymmetric();
    return new SoftHsm(await openDomain(config), asymmetric);
  },
  openAdmin: async (config) => new SoftHsmAdmin(await openDomain(config)),
};

async function openDomain(config: SoftConfig): Promise<Domain> {
  const { engine, reason } = await choiceOf(config);
  return Domain.open(config, engine, reason);
}

/** Engines that have passed their self-tests, which take a quarter of a second: once a process. They hold no keys. */
const choices = new Map<string, Promise<Choice>>();

function choiceOf({ engine = "wasm", allow }: SoftConfig): Promise<Choice> {
  const key = [engine, ...(allow ?? [])].join();
  const choice = choices.get(key) ?? chooseEngine(engine, allow);
  choices.set(key, choice);
  return choice;
}
