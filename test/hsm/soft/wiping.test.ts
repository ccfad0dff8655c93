import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fromHex } from "../../../src/base/bytes.ts";
import { driver } from "../../../src/hsm/soft/driver.ts";
import { SecretsMade } from "../../engine/node/secrets-made.ts";

const secrets = new SecretsMade();
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "strongroom-soft-"));
});
afterEach(() => {
  secrets.unwatch();
  rmSync(directory, { recursive: true });
});

it("a soft HSM that has been closed has left no secret behind", async () => {
  const config = { driver: "soft", directory, keyFile: join(directory, "key"), engine: "node" } as const;
  await driver.init(config);
  secrets.watch();
  const hsm = await driver.open(config);
  const admin = await driver.openAdmin(config);
  const id = await admin.addDomainKey();
  await admin.pinTransportKey(await admin.transportKey());
  // Initialization vectors come from the same generator, and are public.
  const left = () => secrets.left(fromHex(id)).filter(({ length }) => length > 12);
  expect(left()).not.toEqual([]);
  await hsm.close();
  await admin.close();
  expect(left()).toEqual([]);
});
