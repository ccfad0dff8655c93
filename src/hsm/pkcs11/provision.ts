import { randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Bytes, utf8 } from "../../base/bytes.ts";
import { ConfigError } from "../../base/errors.ts";
import { secret, wipe } from "../../base/secret.ts";
import type { Pkcs11Config } from "../config.ts";
import { Link } from "./link.ts";
import { trustedModule } from "./module-file.ts";

/** Where Debian, Fedora, Alpine and Homebrew put it. */
const places = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/lib64/softhsm/libsofthsm.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
  "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];
const deadline = 30_000;

/**
 * A new SoftHSM2 token in `directory`, which must not have one: `softhsm2.conf`, `tokens/`, and the PINs in `pin` and
 * `so-pin`, all private to the current user. ConfigError when SoftHSM2 is not installed. `driver.init` comes next.
 */
export async function provisionSoftHsm2(directory: string, label: string): Promise<Pkcs11Config> {
  const module = softHsm2();
  const folder = resolve(directory);
  const file = (name: string) => join(folder, name);
  mkdirSync(file("tokens"), { recursive: true, mode: 0o700 });
  const conf = `directories.tokendir = ${file("tokens")}
objectstore.backend = file
log.level = ERROR
slots.removable = false
slots.mechanisms = ALL
`;
  writeNew(file("softhsm2.conf"), utf8(conf));
  const [pin, soPin] = [newPin(), newPin()];
  writeNew(file("pin"), pin);
  writeNew(file("so-pin"), soPin);

  const environment = { SOFTHSM2_CONF: file("softhsm2.conf") };
  const greeting = {
    role: "provision",
    engine: "node",
    boundary: "call-key",
    wrapping: "auto",
    module: trustedModule(module),
    token: {},
    life: { hours: 1, calls: 1, memory: 1_024 },
    label,
    pin,
    soPin,
  } as const;
  const link = new Link({
    greeting,
    environment,
    startDeadline: deadline,
    longestStart: deadline,
    longestSilence: deadline,
    onRetire: () => undefined,
    onFault: () => undefined,
  });
  wipe(pin, soPin);
  const serial = (await link.ready.finally(() => link.close())) as string;
  const [token, id, path] = [label, serial, module].map(encodeURIComponent);
  return {
    driver: "pkcs11",
    uri: `pkcs11:token=${token};serial=${id}?module-path=${path}`,
    pin: `file:${file("pin")}`,
    environment,
    stateDirectory: folder,
  };
}

/** The module's path. ConfigError when it is in none of the usual places. */
export function softHsm2(): string {
  const found = places.find((place) => existsSync(place));
  if (!found) throw new ConfigError("SoftHSM2 is not installed: on Debian and Ubuntu, apt-get install softhsm2");
  return found;
}

/** Hexadecimal digits, which every tool takes; 160 bits. Not by way of a string, which could not be wiped. */
function newPin(): Bytes {
  const random = randomFillSync(secret(20));
  const pin = secret(2 * random.length);
  for (const [i, octet] of random.entries())
    pin.set([digits[octet >> 4] as number, digits[octet & 15] as number], 2 * i);
  wipe(random);
  return pin;
}
const digits = utf8("0123456789abcdef");

function writeNew(path: string, content: Bytes): void {
  try {
    writeFileSync(path, content, { mode: 0o600, flag: "wx", flush: true });
  } catch (cause) {
    throw new ConfigError(`${path} cannot be made, or is there already`, { cause });
  }
}
