import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { type Bytes, equalBytes, utf8 } from "../../../src/base/bytes.ts";
import type { Ekt, Hsm, Pkcs11Config } from "../../../src/hsm/index.ts";
import type { Pkcs11Hsm } from "../../../src/hsm/pkcs11/driver.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { provisionSoftHsm2, softHsm2 } from "../../../src/hsm/pkcs11/provision.ts";
import { parseUri } from "../../../src/hsm/pkcs11/uri.ts";
import { metaOf } from "../../conformance/hsm-fixture.ts";

export interface OwnToken extends Pkcs11Config {
  /** Where its files are. */
  readonly folder: string;
}

/** Its files: softhsm2.conf, tokens/, pin, so-pin. */
export type SoftToken = OwnToken;

/** A maker of real SoftHSM2 tokens, each in a folder of its own, which go with the file's tests. */
export function softTokens(place = tmpdir()): (label?: string) => Promise<SoftToken> {
  const root = mkdtempSync(join(place, "strongroom-pkcs11-"));
  // A service that ends now may write to its token meanwhile.
  afterAll(() => rmSync(root, { recursive: true, maxRetries: 10 }));
  let made = 0;
  return async (label = "kms") => {
    const folder = join(root, `${++made}`);
    return { ...(await provisionSoftHsm2(folder, label)), folder };
  };
}

/** A copy of the token as it is now, with the same PIN. */
export function copyOf(token: SoftToken, folder: string): SoftToken {
  const conf = join(folder, "softhsm2.conf");
  bringObjects(token, folder);
  writeFileSync(conf, readFileSync(join(token.folder, "softhsm2.conf"), "utf8").replaceAll(token.folder, folder));
  return { ...token, folder, environment: { SOFTHSM2_CONF: conf }, stateDirectory: folder };
}

/** To a copy, in the place of what it has. */
export function bringObjects(from: SoftToken, folder: string): void {
  rmSync(join(folder, "tokens"), { recursive: true, force: true });
  cpSync(join(from.folder, "tokens"), join(folder, "tokens"), { recursive: true });
}

/** The same token behind faults.c. */
export const withFaults = <Token extends OwnToken>(config: Token): Token => behind("faults", config);
/** The same token behind officer.c. */
export const withOfficer = <Token extends SoftToken>(config: Token): Token => behind("officer", config);

/** Behind a module that is made of `name`.c, and told by variables of that name where the token is and its module. */
export function behind<Token extends OwnToken>(name: string, config: Token): Token {
  const module = join(config.folder, `${name}.so`);
  const headers = join(import.meta.dirname, "../../../node_modules/pkcs11js/includes/pkcs11");
  const source = join(import.meta.dirname, `${name}.c`);
  execFileSync("cc", ["-shared", "-fPIC", "-pthread", "-o", module, "-I", headers, source, "-ldl"]);
  const variable = name.toUpperCase();
  const { modulePath } = parseUri(config.uri);
  return {
    ...config,
    uri: config.uri.replace(/module-path=.*/, `module-path=${encodeURIComponent(module)}`),
    environment: { ...config.environment, [variable]: config.folder, [`${variable}_MODULE`]: modulePath },
  };
}

/** OpenSC's, at the token. */
export const pkcs11Tool = (config: SoftToken, ...command: readonly string[]): string =>
  execFileSync("pkcs11-tool", ["--module", softHsm2(), "--token-label", "kms", ...command], {
    encoding: "utf8",
    env: { ...process.env, ...config.environment },
    stdio: ["ignore", "pipe", "ignore"],
  });

export const pinOf = ({ folder }: SoftToken): string => readFileSync(join(folder, "pin"), "utf8");

/** softhsm2-util on the token's configuration. */
export const softHsm2Util = (token: SoftToken, ...args: string[]): string =>
  execFileSync("softhsm2-util", ["--module", softHsm2(), ...args], {
    env: { ...process.env, ...token.environment },
    encoding: "utf8",
  });

export const openSoft = async (config: Pkcs11Config): Promise<Pkcs11Hsm> => (await driver.open(config)) as Pkcs11Hsm;

export const algorithm = "SYMMETRIC_DEFAULT";
export const aad = utf8("aad");
export const newKey = (hsm: Hsm): Promise<Ekt> => hsm.generateKey(metaOf("kms-symmetric"));
export const encrypt = (hsm: Hsm, key: Ekt, plaintext: Bytes = utf8("plaintext")): Promise<Bytes> =>
  hsm.encrypt(key, algorithm, plaintext, aad);

export interface Load {
  /** Until so many more calls have been answered. */
  progress(calls: number): Promise<unknown>;
  /** What failed, in the end. */
  stop(): Promise<string[]>;
}

/** So many callers, each with one call after the other: a ciphertext is made, and opened. */
export function startLoad(hsm: Hsm, key: Ekt, callers: number): Load {
  const failures: string[] = [];
  let [calls, busy] = [0, true];
  const call = async (plaintext: Bytes) => {
    const ciphertext = await encrypt(hsm, key, plaintext);
    if (!equalBytes((await hsm.decrypt(key, algorithm, ciphertext, aad)) ?? aad, plaintext))
      throw new Error("it differs");
    calls += 1;
  };
  const all = Array.from({ length: callers }, async (_, i) => {
    while (busy) await call(utf8(`caller ${i}`)).catch((error) => failures.push(`${error}`));
  });
  return {
    progress(more) {
      const before = calls;
      return until(() => calls >= before + more);
    },
    async stop() {
      busy = false;
      await Promise.all(all);
      return failures;
    },
  };
}

/** Until `done` holds, on a machine that may be busy. */
export async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!(await done())) {
    expect(performance.now() - start, `${done} takes too long`).toBeLessThan(60_000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function isAlive(pid: number): boolean {
  try {
    // A process that ended and was not waited for yet is a zombie: Z.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
