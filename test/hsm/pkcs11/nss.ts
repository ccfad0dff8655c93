import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { OwnToken } from "./tokens.ts";

/** Where Debian puts it, on either processor. */
const module = ["x86_64", "aarch64"]
  .map((processor) => `/usr/lib/${processor}-linux-gnu/libsoftokn3.so`)
  .find((path) => existsSync(path));

/** Of the key derivation from the PIN, which takes half a second otherwise. */
const environment = { NSS_MAX_MP_PBE_ITERATION_COUNT: "1" };

type NssToken = OwnToken & Required<Pick<OwnToken, "environment" | "initArgs" | "pin">>;

/** A maker of real NSS databases, each in a folder of its own, which go with the file's tests. */
export function nssTokens(): () => Promise<NssToken> {
  const root = mkdtempSync(join(tmpdir(), "strongroom-nss-"));
  // A worker that ends now may write to its database meanwhile.
  afterAll(() => rmSync(root, { recursive: true, maxRetries: 10 }));
  let made = 0;
  return async () => newNssToken(join(root, `${++made}`));
}

/** A new database in `folder`, which is made for it. */
export function newNssToken(folder: string): NssToken {
  if (!module) throw new Error("NSS is not installed: apt-get install libnss3 libnss3-tools");
  const pin = join(folder, "pin");
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(pin, "a PIN of NSS", { mode: 0o600 });
  execFileSync("certutil", ["-N", "-d", `sql:${folder}`, "-f", pin], { env: { ...process.env, ...environment } });
  return {
    driver: "pkcs11",
    folder,
    environment,
    uri: `pkcs11:token=NSS%20Certificate%20DB?module-path=${encodeURIComponent(module)}`,
    pin: `file:${pin}`,
    initArgs: `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db'`,
  };
}
