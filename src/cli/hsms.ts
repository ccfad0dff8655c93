import { isScalar } from "yaml";
import { ConfigError } from "../base/errors.ts";
import {
  type ConfiguredHsm,
  type HsmConfig,
  type Pkcs11Config,
  pkcs11Boundaries,
  pkcs11Wrappings,
  type SoftConfig,
} from "../hsm/config.ts";
import { parseUri } from "../hsm/pkcs11/uri.ts";
import { keySpecs } from "../model/key-spec.ts";
import {
  entries,
  list,
  mapping,
  number,
  optional,
  type Place,
  type Reader,
  strings,
  text,
  withDefault,
} from "./yaml.ts";

/** `default` is the record of the one that is named main. */
const isHsmName = (name: string): boolean => /^[a-z][a-z0-9-]{0,31}$/.test(name) && name !== "default";

/** The name of an HSM. */
export const oneNamed = (names: readonly string[]): Reader<string> =>
  text("the name of one of hsms", (name) => (names.includes(name) ? name : undefined));

const specs: Reader<NonNullable<ConfiguredHsm["specs"]>> = (place) =>
  isScalar(place.node)
    ? text("default, or a list of key specs", oneOf("default"))(place)
    : list("a key spec", oneOf(...keySpecs))(place);

/** `hsms` of a configuration: all of `names`. */
export function hsmsReader(
  names: readonly string[],
  path: Reader<string>,
  secret: Reader<string>,
): Reader<readonly ConfiguredHsm[]> {
  const placed = { specs: optional(specs), replicaOf: optional(oneNamed(names)) };
  const read = hsmReader(path, secret, placed);
  return (place) => {
    if (names.length === 0) place.refuse("is not a mapping of one or more");
    const found = [...entries(place)].map(([name, node]) => {
      const inside = place.inside(name, node);
      if (!isHsmName(name)) inside.refuse("is not a name: lower-case letters, digits and hyphens, and not default");
      const { specs, replicaOf, ...hsm } = read(inside);
      if (specs && replicaOf) inside.refuse("has specs: its keys are those of the HSM that it is a replica of");
      return Object.freeze({
        name,
        hsm: Object.freeze(hsm as HsmConfig),
        ...(specs && { specs }),
        ...(replicaOf !== undefined && { replicaOf }),
      });
    });
    checkTogether(place, found);
    return Object.freeze(found);
  };
}

function checkTogether(place: Place, hsms: readonly ConfiguredHsm[]): void {
  const replicas = hsms.filter(({ replicaOf }) => replicaOf !== undefined);
  const chained = replicas.find(({ replicaOf }) => replicas.some(({ name }) => name === replicaOf));
  if (chained) place.refuse(`has ${chained.name}, which is a replica of a replica`);
  if (hsms.filter(({ specs }) => specs === "default").length > 1) place.refuse("has specs: default more than once");
}

interface Placed {
  readonly specs?: Reader<ConfiguredHsm["specs"]>;
  readonly replicaOf?: Reader<string | undefined>;
}

/** `placed`: what may stand beside the driver's own keys. */
export function hsmReader(
  path: Reader<string>,
  secret: Reader<string>,
  placed: Placed = {},
): Reader<HsmConfig & Pick<ConfiguredHsm, "specs" | "replicaOf">> {
  const engine = text("wasm, native or node", oneOf("wasm", "native", "node"));
  const soft = mapping({
    ...placed,
    driver: text("soft or pkcs11", oneOf("soft")),
    directory: path,
    keyFile: optional(path),
    passphrase: optional(secret),
    engine: optional(text("auto, wasm, native or node", oneOf("auto", "wasm", "native", "node"))),
    allow: optional(list("wasm, native or node", oneOf("wasm", "native", "node"))),
  });
  const pkcs11 = mapping({
    ...placed,
    driver: withDefault(text("soft or pkcs11", oneOf("pkcs11")), "pkcs11"),
    uri,
    pin: optional(secret),
    environment: optional(strings),
    initArgs: optional(text("library parameters", (value) => value)),
    stateDirectory: optional(path),
    engine: optional(engine),
    boundary: optional(text(pkcs11Boundaries.join(", "), oneOf(...pkcs11Boundaries))),
    wrapping: optional(text(pkcs11Wrappings.join(", "), oneOf(...pkcs11Wrappings))),
    workers: optional(number("a number of processes", 64)),
    sessions: optional(number("a number of sessions", 64)),
    deadline: optional(number("a number of milliseconds", 600_000)),
    startDeadline: optional(number("a number of milliseconds", 600_000)),
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

const oneOf =
  <const T extends string>(...values: readonly T[]) =>
  (value: string): T | undefined =>
    values.find((known) => known === value);
