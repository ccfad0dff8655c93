import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import { ConfigError, HsmError } from "../../../src/base/errors.ts";
import type { SoftConfig } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/soft/driver.ts";
import { edited, expectHsmError, metaOf } from "../../conformance/hsm-fixture.ts";

let folder: string;
let config: SoftConfig & { readonly keyFile: string };
let state: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "strongroom-soft-"));
  config = softIn("hsm");
  state = join(config.directory, "state");
});
afterEach(() => rmSync(folder, { recursive: true }));

function softIn(name: string) {
  const directory = join(folder, name);
  return { driver: "soft", directory, keyFile: join(directory, "key"), engine: "node" } as const;
}

function privateFile(name: string, contents: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  chmodSync(path, mode);
  return path;
}

async function opens(what: SoftConfig): Promise<"opens" | "ConfigError" | "HsmError internal"> {
  try {
    await (await driver.open(what)).close();
    return "opens";
  } catch (error) {
    if (error instanceof ConfigError) return "ConfigError";
    if (error instanceof HsmError && error.kind === "internal") return "HsmError internal";
    throw error;
  }
}

describe("the folder of a soft HSM", () => {
  it("and its files are its owner's alone", async () => {
    await driver.init(config);
    expect(statSync(config.directory).mode & 0o777).toBe(0o700);
    for (const name of ["state", "key", "lock"]) {
      expect(statSync(join(config.directory, name)).mode & 0o777, name).toBe(0o600);
    }
    expect(statSync(config.keyFile).size).toBe(32);
  });

  it("is refused when it is open to others, or holds no soft HSM", async () => {
    await expect(driver.open(config)).rejects.toThrow(/there is no soft HSM in/);
    mkdirSync(config.directory, { mode: 0o700 });
    await expect(driver.open(config)).rejects.toThrow(/there is no soft HSM in/);
    await driver.init(config);
    for (const mode of [0o750, 0o701, 0o777]) {
      chmodSync(config.directory, mode);
      await expect(driver.open(config), mode.toString(8)).rejects.toThrow(/open to group or others/);
      await expect(driver.openAdmin(config), mode.toString(8)).rejects.toThrow(ConfigError);
      await expect(driver.init(config), mode.toString(8)).rejects.toThrow(ConfigError);
    }
  });

  it("holds the domain keys and the transport key sealed only", async () => {
    await driver.init(config);
    const admin = await driver.openAdmin(config);
    const { spki } = await admin.transportKey();
    await admin.close();
    const file = readFileSync(state);
    expect(file.indexOf("domainKeys")).toBe(-1);
    expect(file.indexOf(spki.toBase64())).toBe(-1);
    expect(file.indexOf(readFileSync(config.keyFile))).toBe(-1);
  });
});

describe("a state file", () => {
  it("does not keep a domain key that has been destroyed", async () => {
    await driver.init(config);
    const admin = await driver.openAdmin(config);
    const [first] = await admin.domainKeys();
    const id = first?.id ?? "";
    await admin.activateDomainKey(await admin.addDomainKey());
    await admin.quarantineDomainKey(id);
    const quarantined = statSync(state).size;
    await admin.destroyDomainKey(id);
    // IV, key and tag in base64
    expect(quarantined - statSync(state).size).toBeGreaterThan(80);
    await admin.close();
  });

  it("made on one engine opens on the other, with the same keys in it", async () => {
    await driver.init(config);
    const node = await driver.open(config);
    const wasm = await driver.open({ ...config, engine: "wasm" });
    await wasm.writeAnchor(utf8("by wasm"));
    expect(await node.readAnchor()).toEqual(utf8("by wasm"));
    const key = await node.generateKey(metaOf("record"));
    expect(await wasm.release(key)).toEqual(await node.release(key));
    await node.close();
    await wasm.close();
  });

  it("that is cut anywhere is refused, and not made anew", async () => {
    await driver.init(config);
    const whole = readFileSync(state);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(state, whole.subarray(0, length));
      expect(await opens(config), `${length} octets`).not.toBe("opens");
      if (length % 16 === 0) await expect(driver.init(config), `${length} octets`).rejects.toThrow(/already/);
      expect(statSync(state).size).toBe(length);
    }
    writeFileSync(state, whole);
    expect(await opens(config)).toBe("opens");
  });

  it("that is edited in any octet, or lengthened, is refused", async () => {
    await driver.init(config);
    const whole = new Uint8Array(readFileSync(state));
    for (let i = 0; i < whole.length; i++) {
      writeFileSync(state, edited(whole, i, 1 << (i & 7)));
      expect(await opens(config), `octet ${i}`).not.toBe("opens");
    }
    writeFileSync(state, new Uint8Array([...whole, 0]));
    expect(await opens(config)).toBe("HsmError internal");
  });

  it("of another soft HSM is refused, by one that runs, too", async () => {
    await driver.init(config);
    const running = await driver.open(config);
    const other = softIn("other");
    await driver.init(other);
    const mine = readFileSync(state);
    copyFileSync(join(other.directory, "state"), state);
    expect(await opens(config)).toBe("ConfigError");
    await expectHsmError("internal", running.reload());
    await expectHsmError("internal", running.writeAnchor(utf8("x")));
    // The same key file does not make them one.
    copyFileSync(config.keyFile, other.keyFile);
    rmSync(join(other.directory, "state"));
    await driver.init(other);
    copyFileSync(join(other.directory, "state"), state);
    await expectHsmError("internal", running.reload());
    writeFileSync(state, mine);
    await running.reload();
    await running.close();
  });

  it("that is older than this process has seen, or gone, is refused", async () => {
    await driver.init(config);
    const running = await driver.open(config);
    const old = readFileSync(state);
    await running.writeAnchor(utf8("new"));
    const anchored = readFileSync(state);
    writeFileSync(state, old);
    await expectHsmError("internal", running.readAnchor());
    await expectHsmError("internal", running.writeAnchor(utf8("newer")));
    expect(readFileSync(state)).toEqual(old);
    rmSync(state);
    await expectHsmError("internal", running.reload());
    await expectHsmError("internal", running.writeAnchor(utf8("newer")));
    expect(existsSync(state)).toBe(false);
    writeFileSync(state, anchored);
    expect(await running.readAnchor()).toEqual(utf8("new"));
    await running.close();
  });
});

describe("a key file", () => {
  it("is made where it is missing, and used where there is one", async () => {
    const keyFile = privateFile("own", new Uint8Array(32).fill(7));
    await driver.init({ ...config, keyFile });
    expect(new Uint8Array(readFileSync(keyFile))).toEqual(new Uint8Array(32).fill(7));
    expect(await opens({ ...config, keyFile })).toBe("opens");
  });

  it("that is not the one is refused", async () => {
    await driver.init(config);
    expect(await opens({ ...config, keyFile: privateFile("wrong", new Uint8Array(32)) })).toBe("ConfigError");
    expect(await opens({ ...config, keyFile: join(folder, "missing") })).toBe("ConfigError");
    for (const length of [0, 31, 33]) {
      const keyFile = privateFile("length", new Uint8Array(length));
      await expect(driver.open({ ...config, keyFile }), `${length}`).rejects.toThrow(/not a key file of 32 bytes/);
      await expect(driver.init({ ...softIn("new"), keyFile })).rejects.toThrow(ConfigError);
    }
    chmodSync(config.keyFile, 0o640);
    await expect(driver.open(config)).rejects.toThrow(/open to group or others/);
  });

  it("stands alone: not beside a passphrase, not without one", async () => {
    const passphrase = `file:${privateFile("passphrase", "correct horse")}`;
    const { keyFile, ...neither } = config;
    for (const wrong of [neither, { ...neither, keyFile, passphrase }]) {
      await expect(driver.init(wrong)).rejects.toThrow(/either keyFile or passphrase/);
    }
    await driver.init(config);
    await expect(driver.open({ ...neither, passphrase })).rejects.toThrow(/the other of keyFile and passphrase/);
  });
});

describe("a passphrase", () => {
  it("opens what it sealed, and no other does", async () => {
    const { keyFile: _, ...rest } = config;
    const spoken = { ...rest, passphrase: `file:${privateFile("passphrase", "correct horse\n")}` };
    await driver.init(spoken);
    expect(await opens(spoken)).toBe("opens");
    for (const wrong of ["correct horse ", "Correct horse", "c"]) {
      expect(await opens({ ...rest, passphrase: `file:${privateFile("wrong", wrong)}` }), wrong).toBe("ConfigError");
    }
    expect(await opens(config)).toBe("ConfigError");
  });

  it("comes from the environment, which it leaves, to initialise and to open", async () => {
    const { keyFile: _, ...rest } = config;
    const name = "STRONGROOM_TEST_PASSPHRASE";
    process.env[name] = "correct horse";
    await driver.init({ ...rest, passphrase: `env:${name}` });
    expect(process.env[name]).toBeUndefined();
    expect(await opens({ ...rest, passphrase: `env:${name}` })).toBe("opens");
  });

  it("is not stretched by a cost beyond or below the bounds", async () => {
    const { keyFile: _, ...rest } = config;
    const spoken = { ...rest, passphrase: `file:${privateFile("passphrase", "correct horse")}` };
    await driver.init(spoken);
    const whole = new Uint8Array(readFileSync(state));
    expect([...whole.subarray(9, 13)]).toEqual([2, 17, 8, 1]);
    for (const [index, value] of [
      [10, 1],
      [10, 16],
      [10, 21],
      [10, 63],
      [11, 1],
      [11, 255],
      [12, 0],
      [12, 255],
    ] as const) {
      const costly = whole.slice();
      costly[index] = value;
      writeFileSync(state, costly);
      const before = process.cpuUsage();
      expect(await opens(spoken), `octet ${index} = ${value}`).toBe("HsmError internal");
      const { user, system } = process.cpuUsage(before);
      expect(user + system).toBeLessThan(100_000);
    }
  });
});
