import { readFileSync } from "node:fs";
import type { AuditEvent } from "./audit/audit.ts";
import { buildEvent } from "./audit/event.ts";
import { systemClock } from "./base/clock.ts";
import { ConfigError } from "./base/errors.ts";
import { type Config, readConfig } from "./cli/config.ts";
import type { Installation } from "./cli/flags.ts";
import { developmentFiles, readDevelopmentHome } from "./development.ts";
import { type HsmAdmin, type HsmConfig, mainHsm, openHsmAdmin } from "./hsm/index.ts";
import { withShellEnvironment } from "./hsm/shell-environment.ts";
import { operator } from "./operator.ts";
import { openParts, type Parts, type Premises } from "./service.ts";

/** Where an installation's state is, and whose it is. */
export interface Site extends Premises {
  readonly account: string;
}

/** The commands of an operator are in the audit log, too. */
export const tell = (
  { log }: Pick<Parts, "log">,
  site: Site,
  name: string,
  responseElements: Record<string, unknown>,
): Promise<void> => log.append(eventOf(site, name, responseElements));

export const eventOf = (site: Site, name: string, responseElements: Record<string, unknown>): AuditEvent =>
  buildEvent({
    actor: operator(site.account),
    name,
    time: Date.now(),
    readOnly: false,
    requestParameters: null,
    responseElements,
  });

/** The primary unless another is named. */
export function hsmOf(site: Site, name = site.hsms[0]?.name): HsmConfig {
  const found = site.hsms.find((hsm) => hsm.name === name);
  if (!found) throw noSuchHsm(site, name);
  return found.hsm;
}

export const noSuchHsm = ({ hsms }: Site, name = ""): ConfigError =>
  new ConfigError(`there is no HSM ${name} here, but ${hsms.map((hsm) => hsm.name).join(", ")}`);

export function siteOf(config: Config, chain: "service" | "operator"): Site {
  const { account, hsms, store, audit } = config;
  return {
    account,
    hsms,
    store: { file: store.sqlite, create: false },
    audit: { directory: audit.directory, chain },
    clock: systemClock,
  };
}

export function siteOfInstallation(of: Installation): Site {
  if ("config" in of) return siteOf(readConfig(of.config), "operator");
  const files = developmentFiles(of.home);
  const { account, hsm } = readDevelopmentHome(files.home);
  return {
    account,
    hsms: mainHsm(withShellEnvironment(hsm)),
    store: { file: files.store, create: false },
    audit: { directory: files.audit, chain: "operator" },
    clock: systemClock,
  };
}

export async function withParts<T>(of: Installation, work: (parts: Parts, site: Site) => Promise<T>): Promise<T> {
  const site = siteOfInstallation(of);
  const parts = await openParts(site);
  try {
    return await work(parts, site);
  } finally {
    await parts.outbox.flush();
    await parts.close();
  }
}

export async function withAdmin<T>(hsm: HsmConfig, work: (admin: HsmAdmin) => Promise<T>): Promise<T> {
  const admin = await openHsmAdmin(hsm);
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read`, { cause });
  }
}

export const print = (value: unknown): void => console.log(JSON.stringify(value, undefined, 2));
