import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ConfigError, HsmError } from "../../../src/base/errors.ts";
import type { Pkcs11Config } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { trustedModule } from "../../../src/hsm/pkcs11/module-file.ts";
import { probe } from "../../../src/hsm/pkcs11/probe.ts";
import { provisionSoftHsm2, softHsm2 } from "../../../src/hsm/pkcs11/provision.ts";
import { pinOf, type SoftToken, softHsm2Util, softTokens } from "./tokens.ts";

const token = softTokens();
let config: SoftToken;
beforeAll(async () => {
  config = await token();
});

const withModule = (path: string): Pkcs11Config => ({
  ...config,
  uri: `pkcs11:token=kms?module-path=${encodeURIComponent(path)}`,
});

describe("a PKCS#11 HSM opens", () => {
  it("with no token that was not initialised", async () => {
    await expect(driver.open(await token())).rejects.toThrow(/hsm init/);
  });

  it("with no module that is missing, relative, or anybody's to write", async () => {
    await expect(driver.open(withModule("/usr/lib/nowhere.so"))).rejects.toThrow(ConfigError);
    await expect(driver.open(withModule("libsofthsm2.so"))).rejects.toThrow(/not absolute/);
    await expect(driver.open(withModule(config.folder))).rejects.toThrow(/not a file/);
    const copy = join(config.folder, "module.so");
    copyFileSync(softHsm2(), copy);
    chmodSync(copy, 0o766);
    await expect(driver.open(withModule(copy))).rejects.toThrow(/writable by others/);
  });

  it("with no module in a folder where others can replace it", () => {
    const open = join(config.folder, "open");
    mkdirSync(open);
    copyFileSync(softHsm2(), join(open, "module.so"));
    symlinkSync(join(open, "module.so"), join(config.folder, "link.so"));
    expect(trustedModule(join(config.folder, "link.so"))).toBe(join(open, "module.so"));
    chmodSync(open, 0o777);
    expect(() => trustedModule(join(config.folder, "link.so"))).toThrow(/writable by others/);
  });

  it("with nothing that is no PKCS#11 module", async () => {
    const text = join(config.folder, "text.so");
    writeFileSync(text, "not ELF");
    await expect(driver.open(withModule(text))).rejects.toThrow(/no PKCS#11 module/);
    const library = readFileSync("/proc/self/maps", "utf8").match(/(\/\S*libm\.so\S*)/)?.[1] as string;
    await expect(driver.open(withModule(library))).rejects.toThrow(/no PKCS#11 module/);
    await expect(probe(withModule(library))).rejects.toThrow(ConfigError);
  });

  it("with no module that does not start", async () => {
    const misled = { ...config, environment: { SOFTHSM2_CONF: "/nowhere/softhsm2.conf" } };
    for (const opened of [driver.open(misled), probe(misled)]) {
      await expect(opened).rejects.toMatchObject({ kind: "unavailable" });
      await expect(opened).rejects.toBeInstanceOf(HsmError);
      await expect(opened).rejects.toThrow(/libsofthsm2\.so does not start: C_Initialize .* CKR_/);
    }
  });

  it("with no module that crashes, which is named", async () => {
    const module = join(config.folder, "crash.so");
    const source = "#include <stdlib.h>\nunsigned long C_GetFunctionList(void *list) { abort(); }";
    execFileSync("cc", ["-shared", "-fPIC", "-o", module, "-x", "c", "-"], { input: source });
    const opened = driver.open(withModule(module));
    await expect(opened).rejects.toMatchObject({ kind: "unavailable" });
    await expect(opened).rejects.toThrow(/crash\.so crashes at its start \(SIGABRT\)/);
  });

  it("with the one token that its URI means", async () => {
    const mine = await token("twins");
    softHsm2Util(mine, "--init-token", "--free", "--label", "twins", "--pin", pinOf(mine), "--so-pin", "12345678");
    const uri = (attributes: string) => mine.uri.replace(/^[^?]*/, `pkcs11:${attributes}`);
    await expect(driver.init({ ...mine, uri: uri("token=twins") })).rejects.toThrow(/2 tokens answer/);
    await expect(driver.init({ ...mine, uri: uri("token=twin") })).rejects.toThrow(/no token/);
    await expect(driver.init({ ...mine, uri: uri("token=twins;manufacturer=Acme") })).rejects.toThrow(/no token/);
    expect(await driver.init(mine)).toMatchObject({ serial: mine.uri.match(/serial=(\w+)/)?.[1] });
  });

  it("with no environment that loads code into the worker", async () => {
    const environment = { ...config.environment, NODE_OPTIONS: "--inspect" };
    await expect(driver.open({ ...config, environment })).rejects.toThrow(/NODE_OPTIONS/);
  });
});

describe("a SoftHSM2 token", () => {
  it("is made in a private folder, once", async () => {
    const mode = (name: string) => statSync(join(config.folder, name)).mode & 0o777;
    expect([mode("tokens"), mode("softhsm2.conf"), mode("pin"), mode("so-pin")]).toEqual([0o700, 0o600, 0o600, 0o600]);
    expect(pinOf(config)).toMatch(/^[0-9a-f]{40}$/);
    await expect(provisionSoftHsm2(config.folder, "kms")).rejects.toThrow(ConfigError);
  });

  it("has any label that PKCS#11 can hold", async () => {
    for (const label of ["with space;=%?&", "ünïcödé", "x".repeat(32)]) await driver.init(await token(label));
    await expect(token("x".repeat(33))).rejects.toThrow(/32 bytes/);
  });
});

describe("the probe", () => {
  it("says what the module is, and by known answers what it does", async () => {
    const report = await probe(config);
    const curves = ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"];
    expect(report.imports.takes).toEqual({
      RSAES_OAEP_SHA_1: ["SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", ...curves],
      RSA_AES_KEY_WRAP_SHA_1: ["RSA_2048", ...curves],
    });
    expect(report.imports.lacks.RSAES_OAEP_SHA_256).toBe("it lacks RSA-OAEP with SHA-256");
    expect(report.module).toMatchObject({ manufacturer: "SoftHSM", cryptoki: "2.40" });
    expect(report.token).toMatchObject({ label: "kms", flags: expect.arrayContaining(["TOKEN_INITIALIZED"]) });
    expect(report.mechanisms).toContain("AES_KEY_WRAP_PAD");
    expect(report.tests.map(({ name, ok }) => [name, ok])).toEqual([
      ["HMAC-SHA-256", true],
      ["random generator", true],
      ["key wrap", true],
      ["keeping keys", true],
      ["moving keys", true],
      ["token-gcm", true],
      ["token", false],
      ["locked domain keys", true],
      ["trusted domain keys", true],
    ]);
    expect(report.tests[2]?.detail).toContain("0x210a");
    expect(report.tests[4]?.detail).toContain("SHA-1");
    const [symmetric] = report.serves;
    expect(symmetric).toMatchObject({ spec: "SYMMETRIC_DEFAULT", usage: "ENCRYPT_DECRYPT" });
    const pairs = ["RSA_4096 SIGN_VERIFY", "RSA_2048 ENCRYPT_DECRYPT", "ECC_SECG_P256K1 SIGN_VERIFY"];
    expect(report.serves.map(({ spec, usage }) => `${spec} ${usage}`)).toEqual(expect.arrayContaining(pairs));
    const refused = new Set(report.refuses.map(({ spec }) => spec.replace(/_\d+$/, "")));
    expect([...refused]).toEqual(["ECC_NIST_EDWARDS25519", "SM2", "ML_DSA", "ML_KEM"]);
    expect(report.lacks).toEqual([expect.stringMatching(/^token: .*CKR_MECHANISM_INVALID/)]);
    expect(report.boundaries).toEqual(["call-key", "token-gcm"]);
    expect(report.domainKeyModes).toEqual(["plain", "locked", "trusted"]);
  });

  it("needs no PIN to say what there is, and leaves the token as it was", async () => {
    const { pin: _, ...unseen } = config;
    const report = await probe(unseen);
    expect(report.token.label).toBe("kms");
    expect([report.tests, report.serves, report.refuses]).toEqual([[], [], []]);
    expect(await driver.init(config)).toMatchObject({ serial: report.token.serial });
  });
});
