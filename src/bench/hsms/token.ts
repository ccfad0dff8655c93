import { ConfigError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import type { Pkcs11Config } from "../../hsm/config.ts";
import { initHsm, openHsm } from "../../hsm/index.ts";
import { Cryptoki } from "../../hsm/pkcs11/cryptoki/cryptoki.ts";
import type { Pkcs11Hsm } from "../../hsm/pkcs11/driver.ts";
import { trustedModule } from "../../hsm/pkcs11/module-file.ts";
import { parseUri } from "../../hsm/pkcs11/uri.ts";
import { TokenInventory } from "../../hsm/pkcs11/worker/token-inventory.ts";
import { readSecret } from "../../hsm/secret-reference.ts";
import { openBareModule } from "./bare-module.ts";
import type { BareModule, HsmContender } from "./contender.ts";
import { contenderOf } from "./open.ts";

/**
 * A token behind our driver, once for each number of workers, and the same token in this process without it. One that
 * has nothing of ours gets a domain key for the while; `close` removes it. The module finds its configuration in this
 * process's environment. A wrong PIN is tried once.
 */
export async function openToken(
  config: Pkcs11Config,
  workers: readonly number[],
): Promise<{ contenders: readonly HsmContender[]; bare: BareModule; close(): Promise<void> }> {
  const { modulePath, pinSource, token: label, ...others } = parseUri(config.uri);
  const reference = config.pin ?? pinSource;
  if (reference === undefined) throw new ConfigError("no PIN is given: --pin, or pin-source in the PKCS#11 URI");
  const module = trustedModule(modulePath);
  const selector = { ...(label !== undefined && { label }), ...others };
  const pin = readSecret(reference);
  const token = Cryptoki.open(module, selector, pin, config.initArgs);
  wipe(pin);

  const inventory = new TokenInventory(token);
  const leave = (): void => {
    if (inventory.wasEmpty()) inventory.clear();
    token.close();
  };
  const contenders: HsmContender[] = [];
  const close = async (): Promise<void> => {
    try {
      for (const contender of contenders) await contender.close();
    } finally {
      leave();
    }
  };
  try {
    if (inventory.wasEmpty()) await initHsm(config);
    for (const count of workers) {
      const hsm = (await openHsm({ ...config, workers: count })) as Pkcs11Hsm;
      const { model, boundary } = hsm.info;
      const inside = boundary === "token" ? ", calls inside" : "";
      const name = `${model}${inside}${count === 1 ? "" : `, ${count} workers`}`;
      const parallel = `${name}: ${count} ${count === 1 ? "worker" : "workers"}, sessions of each: ${hsm.sessions}`;
      contenders.push({ ...(await contenderOf(name, hsm)), parallel });
    }
    return { contenders, bare: await openBareModule(module, selector, token), close };
  } catch (error) {
    await close();
    throw error;
  }
}
