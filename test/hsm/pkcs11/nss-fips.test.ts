import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { type HsmTestReport, runHsmTest } from "../../../src/bench/hsm-test.ts";
import type { Pkcs11Config } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { metaOf } from "../../conformance/hsm-fixture.ts";
import { nssTokens } from "./nss.ts";

const fresh = nssTokens();

/** NSS in FIPS mode, which is another list of functions of the same file: a module of one line names it. */
async function fipsToken(): Promise<Pkcs11Config> {
  const { folder, uri, environment, ...token } = await fresh();
  const pin = join(folder, "fips-pin");
  writeFileSync(pin, "Fips mode wants 3 classes", { mode: 0o600 });
  const old = join(folder, "pin");
  execFileSync("certutil", ["-W", "-d", `sql:${folder}`, "-f", old, "-@", pin], { stdio: "ignore" });
  execFileSync("modutil", ["-fips", "true", "-force", "-dbdir", `sql:${folder}`], { stdio: "ignore" });
  const [module, source] = [join(folder, "fips.so"), join(folder, "fips.c")];
  writeFileSync(
    source,
    "long FC_GetFunctionList(void *); long C_GetFunctionList(void *l) { return FC_GetFunctionList(l); }",
  );
  const nss = decodeURIComponent(/module-path=(.*)/.exec(uri)?.[1] as string);
  execFileSync("cc", ["-shared", "-fPIC", "-o", module, source, nss]);
  const label = "NSS%20FIPS%20140-2%20Certificate%20DB";
  return {
    ...token,
    environment,
    uri: `pkcs11:token=${label}?module-path=${encodeURIComponent(module)}`,
    pin: `file:${pin}`,
  };
}

it("a module in FIPS mode, which takes no key in the clear and gives none, holds every claim", async () => {
  const config = await fipsToken();
  const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
  await runHsmTest(config, { seconds: 0.3, json: true });
  const { claims } = JSON.parse(`${printed.mock.calls.at(-1)?.[0]}`) as HsmTestReport;
  printed.mockRestore();
  expect(claims.filter(({ outcome }) => outcome === "fails")).toEqual([]);
  const agreement = claims.find(({ name }) => name.startsWith("agree on secrets"));
  expect(agreement?.outcome).toBe("holds");
  await driver.init(config);
  await using hsm = await driver.open(config);
  const key = await hsm.generateKey(metaOf("record"));
  expect(await hsm.release(key)).toEqual(await hsm.release(key));
});
