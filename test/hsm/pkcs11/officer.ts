import type { CeremonyReport, Driver, HsmAdmin } from "../../../src/hsm/index.ts";
import { trustHsm } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import type { SoftToken } from "./tokens.ts";

export const soPinOf = ({ folder }: SoftToken): string => `file:${folder}/so-pin`;

/** HSMs whose domain key is trusted, where administration brings the security officer along. */
export const trustedDriver = (publicKeys = false): Driver<SoftToken> => ({
  ...driver,
  async init(config) {
    const info = await driver.init(config, "trusted");
    await trustHsm(config, { soPin: soPinOf(config), publicKeys });
    return info;
  },
  openAdmin: async (config) => withCeremonies(config, await driver.openAdmin(config)),
});

function withCeremonies(config: SoftToken, admin: HsmAdmin): HsmAdmin {
  const hold = (what: object): Promise<CeremonyReport> => trustHsm(config, { soPin: soPinOf(config), ...what });
  const ceremonies: Partial<HsmAdmin> = {
    addDomainKey: async () => (await hold({ newDomainKey: true })).domainKey ?? "",
    pinTransportKey: async (transportKey) => void (await hold({ transportKey })),
  };
  return new Proxy(admin, {
    get(target, name) {
      const found: unknown = Reflect.get(name in ceremonies ? ceremonies : target, name);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}
