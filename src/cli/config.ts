import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../base/errors.ts";
import {
  type ConfiguredHsm,
  type HsmConfig,
  type Pkcs11Config,
  pkcs11Boundaries,
  type SoftConfig,
} from "../hsm/hsm.ts";
import { parseUri } from "../hsm/pkcs11/uri.ts";
import type { KeyStoreConfig } from "../kms/key-store-config.ts";
import { isServiceName } from "../model/service.ts";
import { type Address, parseAddress } from "./address.ts";
import { defaults, isAccount, isRegion } from "./defaults.ts";
import { keyStoresReader, secretReader } from "./key-stores.ts";
import {
  type Environment,
  entries,
  list,
  mapping,
  optional,
  type Place,
  type Reader,
  readYaml,
  strings,
  table,
  text,
  withDefault,
} from "./yaml.ts";

/** What `strongroom serve` goes by. Paths are absolute; secrets are references. Frozen. */
export interface Config {
  readonly listen: Address;
  readonly adminListen: Address;
  /** PEM files. */
  readonly tls: { readonly certificate: string; readonly key: string };
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
  const hsm = hsmReader(path, secretReader(folder));
  const common = {
    listen: withDefault(address, defaults.listen),
    adminListen: withDefault(address, defaults.adminListen),
    tls: mapping({ certificate: path, key: path }),
    regions: withDefault(list("an AWS Region name", valid(isRegion)), defaults.regions),
    account: text("an account of 12 digits", valid(isAccount)),
    store: mapping({ sqlite: path }),
    audit: mapping({ directory: path }),
    attestation: optional(mapping({ roots: file })),
    keyStores: optional(keyStoresReader(folder)),
    quotas: optional(mapping({ keysPerRegion: optional(number("a number of keys", 1_000_000_000)) })),
    services: optional(table("the name of a service, as in alias/aws/s3", isServiceName, serviceUsers)),
  };
  return (place) => {
    const [one, several] = ["hsm", "hsms"].map((name) => entries(place).get(name));
    if (!several) {
      const { hsm: only, ...config } = mapping({ ...common, hsm })(place);
      return Object.freeze({ ...config, hsms: Object.freeze([Object.freeze({ name: "main", hsm: only })]) });
    }
    if (one) place.refuse("has both hsm and hsms: the single hsm is the one named main", several);
    const names = [...entries(place.inside("hsms", several)).keys()];
    const primary = withDefault(
      text(
        "the name of one of hsms",
        valid((name) => names.includes(name)),
      ),
      names[0],
    );
    const { hsms, primary: first, ...config } = mapping({ ...common, hsms: named(hsm), primary })(place);
    const ordered = [...hsms].sort((a, b) => Number(b.name === first) - Number(a.name === first));
    return Object.freeze({ ...config, hsms: Object.freeze(ordered) });
  };
}

/** `default` is the record of the one that is named main. */
const isHsmName = (name: string): boolean => /^[a-z][a-z0-9-]{0,31}$/.test(name) && name !== "default";

/** HSMs by name. */
const named =
  (hsm: Reader<HsmConfig>): Reader<readonly ConfiguredHsm[]> =>
  (place) => {
    const found = [...entries(place)];
    if (found.length === 0) place.refuse("is not a mapping of one or more");
    return found.map(([name, node]) => {
      const inside = place.inside(name, node);
      if (!isHsmName(name)) inside.refuse("is not a name: lower-case letters, digits and hyphens, and not default");
      return Object.freeze({ name, hsm: hsm(inside) });
    });
  };

function hsmReader(path: Reader<string>, secret: Reader<string>): Reader<HsmConfig> {
  const engine = text("wasm, native or node", oneOf("wasm", "native", "node"));
  const soft = mapping({
    driver: text("soft or pkcs11", oneOf("soft")),
    directory: path,
    keyFile: optional(path),
    passphrase: optional(secret),
    engine: optional(text("auto, wasm, native or node", oneOf("auto", "wasm", "native", "node"))),
    allow: optional(list("wasm, native or node", oneOf("wasm", "native", "node"))),
  });
  const pkcs11 = mapping({
    driver: withDefault(text("soft or pkcs11", oneOf("pkcs11")), "pkcs11"),
    uri,
    pin: optional(secret),
    environment: optional(strings),
    initArgs: optional(text("library parameters", (value) => value)),
    stateDirectory: optional(path),
    engine: optional(engine),
    boundary: optional(text(pkcs11Boundaries.join(", "), oneOf(...pkcs11Boundaries))),
    workers: optional(number("a number of processes", 64)),
    deadline: optional(number("a number of milliseconds", 600_000)),
    inFlight: optional(number("a number of calls", 100_000)),
    workerHours: optional(number("a number of hours", 8_760)),
    workerCalls: optional(number("a number of calls", 1_000_000_000)),
    workerMemory: optional(number("a number of MiB", 1_048_576)),
  });
  return (place) => {
    const driver = place.inside("driver", driverNode(place));
    if (optional(text("soft or pkcs11", oneOf("soft", "pkcs11")))(driver) === "soft")
      return allowedByAuto(place, oneSecret(place, soft(place)));
    return onePin(place, pkcs11(place));
  };
}

const driverNode = (place: Place) => entries(place).get("driver");

function oneSecret(place: Place, config: SoftConfig): SoftConfig {
  const given = [config.keyFile, config.passphrase].filter((secret) => secret !== undefined);
  return given.length === 1 ? config : place.refuse("needs one of keyFile and passphrase");
}

function allowedByAuto(place: Place, config: SoftConfig): SoftConfig {
  return config.allow && config.engine !== "auto" ? place.refuse("has allow, which is for engine: auto") : config;
}

/** The PIN's reference may stand in the URI instead, as `pin-source`. */
function onePin(place: Place, config: Pkcs11Config): Pkcs11Config {
  const given = [config.pin, parseUri(config.uri).pinSource].filter((pin) => pin !== undefined);
  return given.length === 1 ? config : place.refuse("needs one of pin and, in its uri, pin-source");
}

const address = text("HOST:PORT", parseAddress);

/** The driver's own parser says what is wrong; it never quotes the URI. */
const uri: Reader<string> = (place) => {
  const value = text("a PKCS#11 URI", (value) => value)(place);
  try {
    parseUri(value);
  } catch (problem) {
    if (problem instanceof ConfigError) place.refuse(`cannot be used: ${problem.message}`);
    throw problem;
  }
  return value;
};

/** A whole number from 1 to `most`. */
const number = (what: string, most: number): Reader<number> =>
  text(`${what}, 1 to ${most}`, (value) => {
    const number = Number(value);
    return /^\d{1,10}$/.test(value) && number >= 1 && number <= most ? number : undefined;
  });

const valid = (test: (value: string) => boolean) => (value: string) => (test(value) ? value : undefined);

const serviceUsers = list(
  "the ARN of a user",
  valid((value) => /^arn:aws:iam::\d{12}:user\/[\w+=,.@-]{1,64}$/.test(value)),
);

const oneOf =
  <const T extends string>(...values: readonly T[]) =>
  (value: string): T | undefined =>
    values.find((known) => known === value);
