import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { provisionSoftHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { checkout } from "../contract/service.ts";

const folder = mkdtempSync(join(tmpdir(), "strongroom-package-"));
afterAll(() => rmSync(folder, { recursive: true }));
const program = join(folder, "program");
const run = promisify(execFile);

/** What is installed in an empty folder, offline where the packages are in npm's cache. */
beforeAll(async () => {
  cpSync(join(checkout, "examples"), program, { recursive: true });
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: checkout });
  const [packed] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  writeFileSync(join(program, "package.json"), '{ "type": "module" }');
  const packages = [join(folder, packed as string), "jose", "@peculiar/x509", "reflect-metadata"];
  const quiet = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...quiet, ...packages], { cwd: program });
  // What its install script compiles, which took its time once already.
  const addon = "node_modules/pkcs11js/build";
  cpSync(join(checkout, addon), join(program, addon), { recursive: true });
}, 120_000);

const example = async (name: string, hsm: string): Promise<string[]> =>
  (await run(process.execPath, [`${name}.ts`, hsm], { cwd: program })).stdout.trim().split("\n");

function configure(name: string, content: unknown): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

describe("a program with the installed package", () => {
  const directory = join(folder, "soft");
  const soft = configure("soft", { driver: "soft", directory, keyFile: join(directory, "key") });
  let token: string;
  beforeAll(async () => {
    const softHsm2 = await provisionSoftHsm2(join(folder, "softhsm2"), "example");
    Object.assign(process.env, softHsm2.environment);
    token = configure("softhsm2", softHsm2);
    const uri = configure("uri", `${softHsm2.uri}&pin-source=${softHsm2.pin}`);
    expect(await example("encrypt", uri)).toEqual(["SoftHSM project SoftHSM v2", "a secret"]);
  });

  it("encrypts on SoftHSM2, by URI or configuration, and on the soft HSM with the same code", async () => {
    expect(await example("encrypt", token)).toEqual(["SoftHSM project SoftHSM v2", "a secret"]);
    expect(await example("encrypt", soft)).toEqual(["Strongroom soft HSM", "a secret"]);
  });

  it("issues a certificate on either", async () => {
    for (const hsm of [soft, token]) {
      const certificate = new X509Certificate((await example("certificate", hsm)).join("\n"));
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.subject).toBe("CN=Example root");
    }
  });

  it("signs a JWT on either", async () => {
    for (const hsm of [soft, token]) {
      const [jwt, , subject] = await example("jwt", hsm);
      expect(jwt?.split(".")).toHaveLength(3);
      expect(subject).toBe("user-7");
    }
  });

  it("has types for a program that takes Node's alone, and checks libraries, too", async () => {
    symlinkSync(join(checkout, "node_modules/@types"), join(program, "node_modules/@types"));
    const strict = ["--strict", "--noEmit", "--module", "nodenext", "--lib", "esnext", "--skipLibCheck", "false"];
    await run(join(checkout, "node_modules/.bin/tsc"), [...strict, "encrypt.ts", "jwt.ts"], { cwd: program });
  });

  it("has the command line", async () => {
    const { stdout } = await run(join(program, "node_modules/.bin/strongroom"), ["--version"]);
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

it("the examples run in a checkout, too", async () => {
  const directory = join(folder, "checkout");
  const soft = configure("checkout", { driver: "soft", directory, keyFile: join(directory, "key") });
  const command = ["--conditions=strongroom-source", join(checkout, "examples/encrypt.ts"), soft];
  expect((await run(process.execPath, command)).stdout).toContain("a secret");
});
