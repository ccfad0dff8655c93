import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { ConfiguredHsm } from "../hsm/config.ts";
import type { KeyStoreConfig } from "../kms/key-store-config.ts";
import { isUserArn } from "../model/arn.ts";
import { isServiceName, isServicePrincipal } from "../model/service.ts";
import type { TlsVersion } from "../server/tls.ts";
import { type Address, parseAddress } from "./address.ts";
import { defaults, isAccount, isRegion } from "./defaults.ts";
import { hsmReader, hsmsReader, oneNamed } from "./hsms.ts";
import { keyStoresReader, secretReader } from "./key-stores.ts";
import {
  type Environment,
  entries,
  list,
  mapping,
  number,
  optional,
  type Reader,
  readYaml,
  table,
  text,
  withDefault,
} from "./yaml.ts";

/** What `strongroom serve` goes by. Paths are absolute; secrets are references. Frozen. */
export interface Config {
  readonly listen: Address;
  readonly adminListen: Address;
  /** PEM files. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly minVersion?: TlsVersion };
  readonly regions: readonly string[];
  /** 12 digits. */
  readonly account: string;
  /** The first is the primary. */
  readonly hsms: readonly ConfiguredHsm[];
  readonly store: { readonly sqlite: string };
  readonly audit: { readonly directory: string };
  /** A PEM file: whose attestation documents are trusted. */
  readonly attestation?: { readonly roots: string };
  readonly keyStores?: KeyStoreConfig;
  readonly quotas?: { readonly keysPerRegion?: number };
  /** By name, the ARNs of the users whose calls are the service's. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** By name, `s3.amazonaws.com`, the ARNs of the users that are the service. */
  readonly servicePrincipals?: Readonly<Record<string, readonly string[]>>;
}

/** ConfigError: the file cannot be read, or the first place in it that is wrong, by line and column. */
export function readConfig(file: string, environment: Environment = process.env): Config {
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read`, { cause });
  }
  return parseConfig(source, file, environment);
}

/** Relative paths start from the folder of `file`. */
export function parseConfig(source: string, file: string, environment: Environment): Config {
  return readYaml(file, source, configReader(dirname(resolve(file))), "STRONGROOM", environment);
}

function configReader(folder: string): Reader<Config> {
  const path = text("a path", (value) => (value.includes("\0") ? undefined : resolve(folder, value)));
  const file = text("a path", (value) => resolve(folder, value.replace(/^file:/, "")));
  const secret = secretReader(folder);
  const common = {
    listen: withDefault(address, defaults.listen),
    adminListen: withDefault(address, defaults.adminListen),
    tls: mapping({ certificate: path, key: path, minVersion: optional(tlsVersion) }),
    regions: withDefault(list("an AWS Region name", valid(isRegion)), defaults.regions),
    account: text("an account of 12 digits", valid(isAccount)),
    store: mapping({ sqlite: path }),
    audit: mapping({ directory: path }),
    attestation: optional(mapping({ roots: file })),
    keyStores: optional(keyStoresReader(folder)),
    quotas: optional(mapping({ keysPerRegion: optional(number("a number of keys", 1_000_000_000)) })),
    services: optional(table("the name of a service, as in alias/aws/s3", isServiceName, serviceUsers)),
    servicePrincipals: optional(table("a service principal, as in s3.amazonaws.com", isServicePrincipal, serviceUsers)),
  };
  return (place) => {
    const [one, several] = ["hsm", "hsms"].map((name) => entries(place).get(name));
    if (!several) {
      const { hsm, ...config } = mapping({ ...common, hsm: hsmReader(path, secret) })(place);
      return Object.freeze({ ...config, hsms: Object.freeze([Object.freeze({ name: "main", hsm })]) });
    }
    if (one) place.refuse("has both hsm and hsms: the single hsm is the one named main", several);
    const names = [...entries(place.inside("hsms", several)).keys()];
    const primary = withDefault(oneNamed(names), names[0]);
    const hsms = hsmsReader(names, path, secret);
    const { hsms: found, primary: first, ...config } = mapping({ ...common, hsms, primary })(place);
    const ordered = found.toSorted((a, b) => Number(b.name === first) - Number(a.name === first));
    if (ordered[0]?.replicaOf) place.refuse(`has a primary, ${first}, that is a replica`, several);
    return Object.freeze({ ...config, hsms: Object.freeze(ordered) });
  };
}

const address = text("HOST:PORT", parseAddress);

const tlsVersion = text("TLSv1.2 or TLSv1.3", (value) =>
  value === "TLSv1.2" || value === "TLSv1.3" ? value : undefined,
);

const valid = (test: (value: string) => boolean) => (value: string) => (test(value) ? value : undefined);

const serviceUsers = list("the ARN of a user", valid(isUserArn));
