import { ConfigError } from "../base/errors.ts";
import type { Ceremony, CeremonyReport, HsmAdmin } from "./admin.ts";
import type { ConfiguredHsm, DomainKeyMode, DriverName, HsmConfig } from "./config.ts";
import type { Driver } from "./driver.ts";
import type { Hsm, HsmInfo } from "./hsm.ts";

export type * from "./admin.ts";
export type * from "./config.ts";
export type * from "./domain-key.ts";
export type * from "./driver.ts";
export type * from "./hsm.ts";

/** Every driver in the build, loaded when it is first used. */
const drivers: Record<DriverName, () => Promise<{ driver: Driver<never> }>> = {
  soft: () => import("./soft/driver.ts"),
  pkcs11: () => import("./pkcs11/driver.ts"),
};

/** A deployment of one HSM, as it is named where no name is given. */
export const mainHsm = (hsm: HsmConfig): readonly ConfiguredHsm[] => [{ name: "main", hsm }];

async function driverOf<Config extends HsmConfig>(config: Config): Promise<Driver<Config>> {
  return (await drivers[config.driver]()).driver;
}

// What `Driver` has, of the driver that a configuration names.

export const initHsm = async (config: HsmConfig, mode?: DomainKeyMode): Promise<HsmInfo> =>
  (await driverOf(config)).init(config, mode);

/** ConfigError, too, where the driver knows no security officer. */
export async function trustHsm(config: HsmConfig, ceremony: Ceremony): Promise<CeremonyReport> {
  const { trust } = await driverOf(config);
  if (!trust) throw new ConfigError(`an HSM of driver ${config.driver} has no security officer`);
  return trust(config, ceremony);
}

export const openHsm = async (config: HsmConfig): Promise<Hsm> => (await driverOf(config)).open(config);
export const openHsmAdmin = async (config: HsmConfig): Promise<HsmAdmin> => (await driverOf(config)).openAdmin(config);
