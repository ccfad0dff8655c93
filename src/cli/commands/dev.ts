import type { Argv } from "yargs";
import { ConfigError } from "../../base/errors.ts";
import { wipe } from "../../base/secret.ts";
import { readSecret } from "../../hsm/secret-reference.ts";
import type { KeyStoreConfig } from "../../kms/key-store-config.ts";
import { isUserArn } from "../../model/arn.ts";
import { isServicePrincipal } from "../../model/service.ts";
import { type Address, formatAddress } from "../address.ts";
import { defaults } from "../defaults.ts";
import { accountFlag, addressFlag, flag, flags, matching, nonEmpty, referenceFlag, regionFlags } from "../flags.ts";
import { defaultHome } from "../home.ts";
import { readKeyStores } from "../key-stores.ts";

/** A token of a PKCS#11 module, as the command line names it. */
export interface GivenToken {
  readonly uri: string;
  /** A reference. */
  readonly pin: string;
  readonly initArgs?: string;
}

export interface DevOptions {
  /** PEM file: whose attestation documents are trusted. */
  readonly attestation?: { readonly roots: string };
  /** Absent: in memory. */
  readonly home?: string;
  readonly hsm: "soft" | "softhsm2" | GivenToken;
  readonly listen: Address;
  readonly adminListen: Address;
  readonly regions: readonly string[];
  readonly account: string;
  readonly keyStores?: KeyStoreConfig;
  /** By name, the users whose calls are the service's. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** By name, `s3.amazonaws.com`, the ARNs of the users that are the service. */
  readonly servicePrincipals?: Readonly<Record<string, readonly string[]>>;
  /** Absent: the home's own, made if it has none. */
  readonly accessKey?: { readonly id: string; readonly secret: string };
}

/** The library parameters of C_Initialize: what `initArgs` is in a configuration. */
export const initArgsFlag = flag(
  "init-args",
  "What a PKCS#11 module takes when it is initialized, as NSS does: configdir='sql:/etc/nss' …",
  "library parameters",
  nonEmpty,
);

/** Which HSM a home is made with. */
export const hsmOptions = {
  hsm: {
    ...flag(
      "hsm",
      "soft, softhsm2, or a PKCS#11 URI with module-path and token",
      "soft, softhsm2 or pkcs11:…",
      parseHsm,
    ),
    default: "soft",
  },
  pin: referenceFlag("pin", "The PIN of the PKCS#11 token: file:PATH or env:NAME"),
  "init-args": initArgsFlag,
} as const;

const options = {
  home: flag("home", "Private folder for keys, records and certificates [default: ~/.strongroom]", "a path", nonEmpty),
  ephemeral: { type: "boolean", description: "Keep everything in memory and lose it at the end", conflicts: "home" },
  ...hsmOptions,
  listen: {
    ...addressFlag("listen", "Where the API listens; port 0 takes a free one"),
    default: formatAddress(defaults.listen),
  },
  "admin-listen": {
    ...addressFlag("admin-listen", "Where health, readiness and the controls of dev are"),
    default: formatAddress(defaults.adminListen),
  },
  // yargs would take its default where the value is missing.
  region: regionFlags(`An AWS Region to serve; may come more than once [default: ${defaults.regions.join(", ")}]`),
  account: { ...accountFlag("The account of the administrator"), default: defaults.account },
  service: flags(
    "service",
    "A user whose calls are those of a service with alias/aws/SERVICE: SERVICE=USER; may come more than once",
    "SERVICE=USER",
    matching(/^[a-z0-9-]{1,64}=[\w+,.@-]{1,64}$/),
  ),
  "service-principal": flags(
    "service-principal",
    "A user that is the service SERVICE.amazonaws.com: SERVICE.amazonaws.com=ARN; may come more than once",
    "SERVICE.amazonaws.com=ARN",
    (value) => (isServicePrincipal(pairOf(value)[0]) && isUserArn(pairOf(value)[1]) ? value : undefined),
  ),
  "attestation-roots": flag("attestation-roots", "Whose attestation documents are trusted, in PEM", "a path", nonEmpty),
  "key-stores": flag(
    "key-stores",
    "A YAML file: external key store proxies and clusters for custom key stores",
    "a path",
    nonEmpty,
  ),
  "access-key-id": {
    ...flag(
      "access-key-id",
      "The administrator's access key",
      "3 to 128 letters, digits or _",
      matching(/^\w{3,128}$/),
    ),
    implies: "secret-access-key",
  },
  "secret-access-key": {
    ...flag("secret-access-key", "Its secret, better as file:PATH or env:NAME", "a secret", nonEmpty),
    implies: "access-key-id",
  },
} as const;

export const dev = (cli: Argv, run: (options: DevOptions) => Promise<void>): Argv =>
  cli.command(
    "dev",
    "Run a service for development: nothing to set up, nothing protected at rest",
    (command) => command.options(options),
    (given) => {
      const { "access-key-id": id, "secret-access-key": secret } = given;
      return run({
        ...(given.ephemeral !== true && { home: given.home ?? defaultHome() }),
        hsm: hsmOf(given.hsm, given.pin, given["init-args"]),
        listen: given.listen,
        adminListen: given["admin-listen"],
        regions: given.region ?? defaults.regions,
        account: given.account,
        ...(given["attestation-roots"] !== undefined && { attestation: { roots: given["attestation-roots"] } }),
        ...(given["key-stores"] && { keyStores: readKeyStores(given["key-stores"]) }),
        ...(given.service && { services: byService(given.service) }),
        ...(given["service-principal"] && { servicePrincipals: byService(given["service-principal"]) }),
        ...(id !== undefined && secret !== undefined && { accessKey: { id, secret: secretAccessKey(secret) } }),
      });
    },
  );

function parseHsm(value: string): string | undefined {
  return value === "soft" || value === "softhsm2" || value.startsWith("pkcs11:") ? value : undefined;
}

/** Users by service, of texts `SERVICE=USER`. */
function byService(given: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const pairs = given.map(pairOf);
  return Object.fromEntries(
    pairs.map(([service]) => [service, pairs.flatMap(([name, user]) => (name === service ? [user] : []))]),
  );
}

/** The name of a service has no `=`, that of a user may. */
function pairOf(text: string): [service: string, user: string] {
  const [service = "", ...user] = text.split("=");
  return [service, user.join("=")];
}

export function hsmOf(value: string, pin: string | undefined, initArgs: string | undefined): DevOptions["hsm"] {
  if (value === "soft" || value === "softhsm2") {
    if (pin !== undefined) throw new ConfigError(`--pin goes with --hsm pkcs11:…; ${value} makes its own`);
    if (initArgs !== undefined) throw new ConfigError("--init-args goes with --hsm pkcs11:…");
    return value;
  }
  return { uri: value, pin: pin ?? refusePin(), ...(initArgs !== undefined && { initArgs }) };
}

function refusePin(): never {
  throw new ConfigError("--pin is missing: --hsm pkcs11:… needs it as file:PATH or env:NAME");
}

function secretAccessKey(value: string): string {
  const secret = /^(file|env):/.test(value) ? referenced(value) : value;
  // It goes into the AWS credentials file, and clients read that by lines.
  if (/^[\x21-\x7e]{4,128}$/.test(secret)) return secret;
  throw new ConfigError("--secret-access-key is not 4 to 128 printable ASCII characters without spaces");
}

function referenced(reference: string): string {
  const bytes = readSecret(reference);
  try {
    return String.fromCharCode(...bytes);
  } finally {
    wipe(bytes);
  }
}
