/// <reference types="node" preserve="true" />
/**
 * Strongroom's HSMs for programs of their own, without the service: `import { openHsm } from "strongroom/hsm"`.
 *
 * An HSM is named by its configuration, or by a PKCS#11 URI (RFC 7512). `initHsm` makes the first domain key of a new one;
 * `openHsm` serves keys under it, `openHsmAdmin` rotates it and moves keys. Keys live outside, as key tokens that only the
 * HSM can open: a program keeps them where it keeps its data. Losing the HSM is losing every key.
 */

import { ConfigError } from "../base/errors.ts";
import type { HsmAdmin } from "../hsm/admin.ts";
import type { HsmConfig, SoftConfig } from "../hsm/config.ts";
import type { Hsm, HsmInfo } from "../hsm/hsm.ts";
import * as hsms from "../hsm/index.ts";
import { withShellEnvironment } from "../hsm/shell-environment.ts";
import { cryptoOf, type HsmCrypto, type HsmSubtleCrypto } from "./crypto.ts";

export { ConfigError, HsmError, type HsmErrorKind } from "../base/errors.ts";
export type * from "../hsm/admin.ts";
export type * from "../hsm/config.ts";
export type * from "../hsm/domain-key.ts";
export type * from "../hsm/hsm.ts";
export type { HbkKind, HbkMeta } from "../model/hbk.ts";
export type * from "../model/key-spec.ts";
export type { HsmCrypto, HsmSubtleCrypto, SymmetricDefault } from "./crypto.ts";
export { keyMeta } from "./key-meta.ts";

/** An open HSM, and WebCrypto over it. `await using` closes it. */
export interface OpenHsm extends Hsm {
  readonly crypto: HsmCrypto;
  readonly subtle: HsmSubtleCrypto;
}

/**
 * What names an HSM. A module that a URI names finds its configuration in the environment of the program
 * (SOFTHSM2_CONF and vendors' own), as it does for other programs.
 */
export type HsmName = HsmConfig | `pkcs11:${string}`;

/** Self-tests first. ConfigError when the configuration is wrong, HsmError when the HSM is. */
export async function openHsm(name: HsmName): Promise<OpenHsm> {
  const hsm = await hsms.openHsm(configOf(name));
  const crypto = cryptoOf(hsm);
  return Object.assign(hsm, { crypto, subtle: crypto.subtle });
}

export const openHsmAdmin = async (name: HsmName): Promise<HsmAdmin> => hsms.openHsmAdmin(configOf(name));

/** Makes the first domain key. An HSM that has one is refused with a ConfigError, never overwritten. */
export const initHsm = async (name: HsmName): Promise<HsmInfo> => hsms.initHsm(configOf(name));

/** Configurations come from files, too, and from programs without types. */
function configOf(name: HsmName): HsmConfig {
  if (typeof name === "string") return withShellEnvironment({ driver: "pkcs11", uri: name });
  const { driver, ...rest }: Partial<HsmConfig> = Object(name);
  if (driver !== "soft" && driver !== "pkcs11") {
    throw new ConfigError("an HSM is named by a PKCS#11 URI, or by a configuration whose driver is soft or pkcs11");
  }
  const { directory, keyFile, passphrase }: Partial<SoftConfig> = rest;
  const sealing = [keyFile, passphrase].filter((given) => given !== undefined);
  if (driver === "soft" && (sealing.length !== 1 || ![directory, ...sealing].every(isText))) {
    throw new ConfigError("a soft HSM takes a directory, and keyFile or passphrase");
  }
  return name;
}

const isText = (given: unknown): boolean => typeof given === "string" && given !== "";
