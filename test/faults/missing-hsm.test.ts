import { afterAll, expect, it } from "vitest";
import { newInstallation, softHsm } from "../contract/installation.ts";
import { until } from "./load.ts";

const installation = await newInstallation();
afterAll(() => installation.remove());

it("an HSM with keys that is missing from the configuration is named by log, readyz and hsm list; the others serve", async () => {
  const { configure, run, newAdministrator, serve } = installation;
  const [main, pairs] = [softHsm("main"), { ...softHsm("pairs"), specs: ["ECC_NIST_P256"] } as const];
  configure({ main, pairs });
  await run("hsm", "init");
  const credentials = await newAdministrator();
  const before = await serve(credentials);
  const { KeyMetadata: inMain } = await before.kms.createKey();
  const { KeyMetadata: inPairs } = await before.kms.createKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  expect(await before.service.stop()).toBe(0);
  expect(before.service.log()).not.toContain("not in the configuration");
  expect(await run("hsm", "list", "--json")).toHaveLength(2);

  configure({ main });
  const { service, kms } = await serve(credentials);
  await until(() => service.log().includes('"name":"pairs"'), "the log names the HSM that is missing");
  expect(service.log()).toContain("1 key is in it alone, and cannot be used; configure it and restart, or delete");
  const ready = await fetch(`${service.admin}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([
    200,
    { ok: true, checks: { hsm: "ok", "hsm pairs": expect.stringContaining("not in the configuration: 1 key is") } },
  ]);
  expect(await run("hsm", "list", "--json")).toMatchObject([
    { name: "main", health: { ok: true } },
    { name: "pairs", health: { ok: false, detail: expect.stringContaining("1 key is") }, keys: [inPairs?.Arn] },
  ]);
  await kms.encrypt({ KeyId: inMain?.KeyId, Plaintext: Uint8Array.of(1) });
  const KeyId = inPairs?.KeyId;
  await expect(kms.sign({ KeyId, Message: Uint8Array.of(1), SigningAlgorithm: "ECDSA_SHA_256" })).rejects.toMatchObject(
    { name: "KMSInternalException" },
  );
  expect(await service.stop()).toBe(0);
}, 60_000);
