import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { KeyStoreConfig } from "../kms/key-store-config.ts";
import { parseAddress } from "./address.ts";
import { fixed, mapping, optional, type Place, type Reader, readYaml, table, text, withDefault } from "./yaml.ts";

/** `keyStores` of a configuration: whom custom key stores may be made of. Relative paths start from `folder`. */
export function keyStoresReader(folder: string): Reader<KeyStoreConfig> {
  const secret = secretReader(folder);
  const proxy = mapping({
    address: optional(text("HOST:PORT", parseAddress)),
    ca: optional(certificate(folder)),
    timeout: optional(text("a number of milliseconds, 1 to 10000", milliseconds)),
  });
  const cluster = mapping({
    hsm: text("the name of an HSM", (value) => value),
    trustAnchor: certificate(folder),
    password: secret,
  });
  return mapping({
    proxies: withDefault(
      table("a host name", (name) => /^[a-z0-9.-]{1,120}$/.test(name), proxy),
      {},
    ),
    clusters: withDefault(
      table("a cluster id, cluster-…", (name) => /^cluster-[2-7a-zA-Z]{11,16}$/.test(name), cluster),
      {},
    ),
  });
}

/** The same, out of a file that holds nothing else. */
export function readKeyStores(file: string): KeyStoreConfig {
  const reader = keyStoresReader(dirname(resolve(file)));
  try {
    return readYaml(file, readFileSync(file, "utf8"), reader, "STRONGROOM_KEY_STORES", process.env);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`${file} cannot be read`, { cause });
  }
}

/** A reference, by an absolute path. */
export const secretReader = (folder: string): Reader<string> =>
  fixed("a reference to a secret, file:<path> or env:<name>", (value) => {
    if (/^env:[A-Za-z_]\w*$/.test(value)) return value;
    return value.startsWith("file:") && value.length > 5 ? `file:${resolve(folder, value.slice(5))}` : undefined;
  });

/** The contents of a PEM file. */
function certificate(folder: string): Reader<string> {
  const path = text("a path", (value) => (value.includes("\0") ? undefined : resolve(folder, value)));
  return (place: Place) => {
    const file = path(place);
    try {
      const pem = readFileSync(file, "utf8");
      new X509Certificate(pem);
      return pem;
    } catch {
      return place.refuse("names no file with a PEM certificate");
    }
  };
}

function milliseconds(value: string): number | undefined {
  const number = Number(value);
  return /^\d{1,5}$/.test(value) && number >= 1 && number <= 10_000 ? number : undefined;
}
