import pkcs11js from "pkcs11js";
import { ConfigError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import type { Pkcs11Config } from "../../hsm/hsm.ts";
import { initHsm, openHsm } from "../../hsm/index.ts";
import type { Attributes } from "../../hsm/pkcs11/cryptoki/attributes.ts";
import { Cryptoki, type Handle } from "../../hsm/pkcs11/cryptoki/cryptoki.ts";
import { trustedModule } from "../../hsm/pkcs11/module-file.ts";
import { parseUri } from "../../hsm/pkcs11/uri.ts";
import { readSecret } from "../../hsm/secret-reference.ts";
import { openBareModule } from "./bare-module.ts";
import type { BareModule, HsmContender } from "./contender.ts";
import { contenderOf } from "./open.ts";

/** What `hsm init` makes in a token. */
const objects: readonly Attributes[] = [
  { class: pkcs11js.CKO_DATA, token: true, application: "strongroom" },
  { class: pkcs11js.CKO_SECRET_KEY, token: true, label: "strongroom domain key" },
  { class: pkcs11js.CKO_SECRET_KEY, token: true, label: "strongroom MAC key" },
];

/**
 * A token behind our driver, once for each number of workers, and the same token in this process without it. One that has nothing of ours gets a domain
 * key for the while; `close` removes it. The module finds its configuration in this process's environment. A wrong PIN is
 * tried once.
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
  const token = Cryptoki.open(module, selector, pin);
  wipe(pin);

  const isEmpty = objectsIn(token).length === 0;
  const leave = (): void => {
    if (isEmpty) for (const object of objectsIn(token)) token.destroy(object);
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
    if (isEmpty) await initHsm(config);
    for (const count of workers) {
      const hsm = await openHsm({ ...config, workers: count });
      const { model, boundary } = hsm.info;
      const inside = boundary === "token" ? ", calls inside" : "";
      contenders.push(await contenderOf(`${model}${inside}${count === 1 ? "" : `, ${count} workers`}`, hsm));
    }
    return { contenders, bare: await openBareModule(module, selector, token), close };
  } catch (error) {
    await close();
    throw error;
  }
}

const objectsIn = (token: Cryptoki): Handle[] => objects.flatMap((attributes) => token.find(attributes));
