import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { probe } from "../../../src/hsm/pkcs11/probe.ts";
import { expectHsmError } from "../../conformance/hsm-fixture.ts";
import { encrypt, newKey, openSoft, pinOf, type SoftToken, softTokens, until } from "./tokens.ts";

const token = softTokens();
const wrong = "wrong-pin-0123456789";
const latchesOf = ({ folder }: SoftToken) => readdirSync(folder).filter((name) => name.startsWith("pin-refused-"));

/** SoftHSM raises the flag at a wrong PIN and lowers it at the right one. */
async function wasTried(right: SoftToken): Promise<boolean> {
  const { pin: _, ...unseen } = right;
  const { flags } = (await probe(unseen)).token;
  return flags.includes("USER_PIN_COUNT_LOW");
}

/** The token, and the same one with a wrong PIN in a file of its own. */
async function tokenAndWrongPin(): Promise<{ right: SoftToken; mistaken: SoftToken; file: string }> {
  const right = await token();
  await driver.init(right);
  const file = join(right.folder, "typo");
  writeFileSync(file, wrong, { mode: 0o600 });
  return { right, mistaken: { ...right, pin: `file:${file}` }, file };
}

describe("a wrong PIN", () => {
  it("is tried once, and not again after a restart until its file changes", async () => {
    const { right, mistaken, file } = await tokenAndWrongPin();
    await expect(driver.open(mistaken)).rejects.toThrow(ConfigError);
    expect(await wasTried(right)).toBe(true);
    const [latch, ...others] = latchesOf(right);
    expect(others).toEqual([]);
    expect(readFileSync(join(right.folder, latch as string), "utf8")).not.toContain(wrong);

    await (await driver.open(right)).close();
    expect(await wasTried(right)).toBe(false);
    for (const open of [driver.open, driver.openAdmin, driver.init, probe]) {
      await expect(open(mistaken)).rejects.toThrow(/not tried again/);
    }
    expect(await wasTried(right)).toBe(false);

    writeFileSync(file, pinOf(right));
    utimesSync(file, new Date(), new Date(Date.now() + 1000));
    await (await driver.open(mistaken)).close();
  });

  it("is tried once by many that open the HSM at the same time", async () => {
    const { right, mistaken } = await tokenAndWrongPin();
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => driver.open(mistaken)));
    const reasons = outcomes.map((outcome) => String((outcome as PromiseRejectedResult).reason.message));
    expect(reasons.filter((reason) => reason.includes("CKR_PIN_INCORRECT"))).toHaveLength(1);
    expect(reasons.filter((reason) => reason.includes("not tried again"))).toHaveLength(4);
    for (const reason of reasons) expect(reason).not.toContain(wrong);
    expect(latchesOf(right)).toHaveLength(1);
  });

  it("is remembered by the process where there is no folder for it", async () => {
    const { right, mistaken } = await tokenAndWrongPin();
    const { stateDirectory: _, ...forgetful } = mistaken;
    await expect(driver.open(forgetful)).rejects.toThrow(/CKR_PIN_INCORRECT/);
    await expect(driver.open(forgetful)).rejects.toThrow(/not tried again/);
    expect(latchesOf(right)).toEqual([]);
  });

  it("that comes with a new worker is tried once, however long the HSM stays unavailable", async () => {
    const config = await token();
    await driver.init(config);
    const hsm = await openSoft(config);
    const key = await newKey(hsm);
    const [file, pin] = [join(config.folder, "pin"), pinOf(config)];
    writeFileSync(file, wrong);
    process.kill(hsm.workerPids[0] as number, "SIGKILL");
    await until(() => latchesOf(config).length === 1);
    await expectHsmError("unavailable", encrypt(hsm, key));

    const other = { ...config, pin: `file:${join(config.folder, "other")}` };
    writeFileSync(join(config.folder, "other"), pin, { mode: 0o600 });
    await (await driver.open(other)).close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await wasTried(config)).toBe(false);

    writeFileSync(file, pin);
    utimesSync(file, new Date(), new Date(Date.now() + 1000));
    await until(() =>
      encrypt(hsm, key).then(
        () => true,
        () => false,
      ),
    );
    await hsm.close();
  });
});

describe("the PIN", () => {
  it("may come from pin-source of the URI", async () => {
    const { pin, ...config } = await token();
    const uri = `${config.uri}&pin-source=${pin}`;
    await driver.init({ ...config, uri });
    await (await driver.open({ ...config, uri })).close();
    await expect(driver.open(config)).rejects.toThrow(/no PIN/);
  });

  it("may come from an environment variable, which a new worker needs again", async () => {
    const config = await token();
    process.env["STRONGROOM_TEST_PIN"] = pinOf(config);
    const byName = { ...config, pin: "env:STRONGROOM_TEST_PIN" };
    await driver.init(byName);
    const hsm = await openSoft(byName);
    expect(process.env["STRONGROOM_TEST_PIN"]).toBeUndefined();
    process.kill(hsm.workerPids[0] as number, "SIGKILL");
    await until(async () => (await hsm.health()).ok);
    await hsm.close();
  });
});
