import { expect, it } from "vitest";
import { ConfigError, type HsmName, initHsm, openHsm, openHsmAdmin } from "../../src/library/hsm.ts";

it.each([
  [undefined, "an HSM is named by"],
  [5, "an HSM is named by"],
  [{ driver: "sotf" }, "an HSM is named by"],
  [{ driver: "toString" }, "an HSM is named by"],
  [{ driver: "soft", keyFile: "key" }, "takes a directory"],
  [{ driver: "soft", directory: "hsm" }, "keyFile or passphrase"],
  [{ driver: "soft", directory: "hsm", keyFile: "key", passphrase: "env:WORDS" }, "keyFile or passphrase"],
  [{ driver: "pkcs11" }, "begins with pkcs11:"],
  ["http://127.0.0.1", "begins with pkcs11:"],
])("%j is a ConfigError for a program that no compiler has checked", async (name, message) => {
  for (const use of [openHsm, openHsmAdmin, initHsm]) {
    const failure = await use(name as HsmName).then(undefined, (error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect((failure as Error).message).toContain(message);
  }
});
