import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import type { Pkcs11Config } from "../../../../src/hsm/index.ts";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { parseUri } from "../../../../src/hsm/pkcs11/uri.ts";
import { isAlive, newKey, openSoft, startLoad, until } from "../tokens.ts";
import { openCryptokiTokens, pin, soPin } from "./tokens.ts";

/** They lock at the third wrong PIN. */
const token = await openCryptokiTokens(2);

it("four workers with a wrong PIN are one try of three", async () => {
  const config = await token();
  await driver.init(config);
  const file = join(dirname(config.pin?.slice(5) as string), "typo");
  writeFileSync(file, "99999999", { mode: 0o600 });
  const mistaken = { ...config, pin: `file:${file}`, workers: 4 };
  for (let starts = 0; starts < 4; starts++) {
    await expect(openSoft(mistaken)).rejects.toThrow(starts === 0 ? /CKR_PIN_INCORRECT/ : /not tried again/);
  }
  await (await openSoft(config)).close();
});

it("a PIN that others have locked is not tried, stops no worker, and serves again when it is unlocked", async () => {
  const config = { ...(await token()), workers: 2 };
  await driver.init(config);
  const hsm = await openSoft(config);
  await until(() => hsm.workerPids.length === 2);
  const load = startLoad(hsm, await newKey(hsm), 32);
  pinTool(config, "lock");
  await expect(openSoft(config)).rejects.toThrow(/locked, or one wrong try away/);
  const [killed, other] = hsm.workerPids as [number, number];
  process.kill(killed, "SIGKILL");
  await until(() => !isAlive(killed));
  await load.progress(200);
  expect(hsm.workerPids).toEqual([other]);
  pinTool(config, "unlock");
  await until(() => hsm.workerPids.length === 2);
  await load.progress(50);
  expect(await load.stop()).toEqual([]);
  await hsm.close();
});

function pinTool({ uri }: Pkcs11Config, command: "lock" | "unlock"): void {
  const { modulePath, token = "" } = parseUri(uri);
  execFileSync(process.execPath, [join(import.meta.dirname, "pin-tool.ts"), modulePath, token, soPin, pin, command]);
}
