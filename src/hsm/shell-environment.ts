import type { HsmConfig } from "./config.ts";

/** What steers our own runtime, or holds clients' secrets, is no module's business. */
const withheld = /^(NODE_|npm_|AWS_|STRONGROOM_)/;

/**
 * A module that the operator names on the command line finds its configuration as it does for their other tools: by the
 * variables of their shell (SOFTHSM2_CONF and vendors' own). One in a configuration file gets what stands there alone.
 */
export function withShellEnvironment(config: HsmConfig): HsmConfig {
  if (config.driver !== "pkcs11" || config.environment) return config;
  const pin = /^env:(.*)$/.exec(config.pin ?? "")?.[1];
  const variables = Object.entries(process.env).filter(([name]) => !withheld.test(name) && name !== pin);
  return { ...config, environment: Object.fromEntries(variables as [string, string][]) };
}
