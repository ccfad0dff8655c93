import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { type Config, parseConfig, readConfig } from "../../src/cli/config.ts";

const complete = `
listen: 0.0.0.0:443
adminListen: "[::1]:9000"
tls:
  certificate: tls/server.pem
  key: /etc/tls/key.pem
regions: [eu-central-1, eu-west-1]
account: 012345678901
hsm:
  driver: soft
  directory: hsm
  passphrase: env:STRONGROOM_HSM_PASSPHRASE
  engine: wasm
store: { sqlite: strongroom.db }
audit:
  directory: /var/log/strongroom
`;

const uri = "pkcs11:token=one?module-path=/usr/lib/softhsm/libsofthsm2.so";

const two = `{ main: { uri: "${uri}", pin: "env:P" }, other: { driver: soft, directory: two, keyFile: two.key } }`;

test("every key arrives, paths from the file's folder, numbers as they are written", () => {
  expect(parse(complete)).toEqual({
    listen: { host: "0.0.0.0", port: 443 },
    adminListen: { host: "::1", port: 9000 },
    tls: { certificate: "/etc/strongroom/tls/server.pem", key: "/etc/tls/key.pem" },
    regions: ["eu-central-1", "eu-west-1"],
    account: "012345678901",
    hsms: [
      {
        name: "main",
        hsm: {
          driver: "soft",
          directory: "/etc/strongroom/hsm",
          passphrase: "env:STRONGROOM_HSM_PASSPHRASE",
          engine: "wasm",
        },
      },
    ],
    store: { sqlite: "/etc/strongroom/strongroom.db" },
    audit: { directory: "/var/log/strongroom" },
  });
});

test("TLS 1.2 is taken where a configuration or its variable says so, and nothing older", () => {
  const withVersion = (version: string) =>
    complete.replace("key: /etc/tls/key.pem", `key: k\n  minVersion: ${version}`);
  expect(parse(withVersion("TLSv1.2")).tls.minVersion).toBe("TLSv1.2");
  expect(parse(complete, { STRONGROOM_TLS_MIN_VERSION: "TLSv1.2" }).tls.minVersion).toBe("TLSv1.2");
  expect(() => parse(withVersion("TLSv1.1"))).toThrow("tls.minVersion is not TLSv1.2 or TLSv1.3");
});

test("attestation roots, quotas and services are there for whom they concern", () => {
  const more = `${complete}
attestation: { roots: file:roots.pem }
quotas: { keysPerRegion: 1000 }
services: { s3: [arn:aws:iam::012345678901:user/storage] }
servicePrincipals: { logs.amazonaws.com: [arn:aws:iam::999900001111:user/logs] }
`;
  expect(parse(more)).toMatchObject({
    attestation: { roots: "/etc/strongroom/roots.pem" },
    quotas: { keysPerRegion: 1000 },
    services: { s3: ["arn:aws:iam::012345678901:user/storage"] },
    servicePrincipals: { "logs.amazonaws.com": ["arn:aws:iam::999900001111:user/logs"] },
  });
});

test("a PKCS#11 HSM needs no driver, and takes all that its driver does", () => {
  const hsm = `{ uri: "${uri}", pin: "file:pin", deadline: 5000, stateDirectory: hsm, workers: 2, inFlight: 500`;
  const more =
    "boundary: token, wrapping: cbc-pad, initArgs: \"configdir='sql:/etc/nss'\", workerHours: 12, workerCalls: 100000, workerMemory: 300";
  expect(onlyHsm(withHsm(`${hsm}, ${more}, environment: { SOFTHSM2_CONF: /etc/softhsm2.conf } }`))).toEqual({
    driver: "pkcs11",
    uri,
    pin: "file:/etc/strongroom/pin",
    deadline: 5000,
    stateDirectory: "/etc/strongroom/hsm",
    workers: 2,
    inFlight: 500,
    boundary: "token",
    wrapping: "cbc-pad",
    initArgs: "configdir='sql:/etc/nss'",
    workerHours: 12,
    workerCalls: 100_000,
    workerMemory: 300,
    environment: { SOFTHSM2_CONF: "/etc/softhsm2.conf" },
  });
});

test("the URI's pin-source can name the PIN", () => {
  const hsm = { driver: "pkcs11", uri: `${uri}&pin-source=file:/run/pin` };
  expect(onlyHsm(withHsm(`{ uri: "${hsm.uri}" }`))).toEqual(hsm);
});

test("several HSMs have names, and the first is the primary unless another is", () => {
  const names = (source: string) => parse(source).hsms.map(({ name }) => name);
  expect(names(withHsms(two))).toEqual(["main", "other"]);
  expect(names(`${withHsms(two)}\nprimary: other`)).toEqual(["other", "main"]);
  expect(parse(withHsms(two)).hsms[1]).toEqual({
    name: "other",
    hsm: { driver: "soft", directory: "/etc/strongroom/two", keyFile: "/etc/strongroom/two.key" },
  });
});

test("an HSM takes keys of some specs, of all that no other names, or those of another HSM", () => {
  const placed = (placement: string) => parse(withHsms(two.replace("two.key", `two.key, ${placement}`))).hsms[1];
  expect(placed("specs: [RSA_2048, ECC_NIST_P256]")).toMatchObject({ specs: ["RSA_2048", "ECC_NIST_P256"] });
  expect(placed("specs: default")).toMatchObject({ name: "other", specs: "default" });
  expect(placed("replicaOf: main")).toMatchObject({ replicaOf: "main", hsm: { directory: "/etc/strongroom/two" } });
});

test("a variable overrides what stands under a name", () => {
  const source = withHsms(two.replace("other", "other-one"));
  const { hsms } = parse(source, { STRONGROOM_HSMS_OTHER_ONE_DIRECTORY: "/three", STRONGROOM_PRIMARY: "other-one" });
  expect(hsms[0]).toMatchObject({ name: "other-one", hsm: { directory: "/three" } });
});

test("listeners default to loopback and the region to us-east-1", () => {
  const config = parse(without("listen", "adminListen", "regions"));
  expect(config.listen).toEqual({ host: "127.0.0.1", port: 8443 });
  expect(config.adminListen).toEqual({ host: "127.0.0.1", port: 8444 });
  expect(config.regions).toEqual(["us-east-1"]);
});

test("all of it is frozen", () => {
  const frozen = (value: unknown): boolean =>
    typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
  expect(frozen(parse(complete))).toBe(true);
  expect(frozen(parse(without("listen", "adminListen", "regions")))).toBe(true);
  expect(frozen(parse(withHsm(`{ uri: "${uri}", pin: "env:PIN", environment: { A: b } }`)))).toBe(true);
  expect(frozen(parse(withHsms(two)))).toBe(true);
});

test.each([
  ["an unknown key", `${complete}\nlisen: 1.2.3.4:5`, "kms.yaml:18:1: has a name that is not known"],
  ["an unknown key inside", complete.replace("  key:", "  kye:"), "kms.yaml:6:3: tls has a name that is not known"],
  ["a missing section", without("tls"), "kms.yaml:2:1: tls.certificate is missing"],
  ["a missing key", complete.replace(/ {2}key:.*\n/, ""), "kms.yaml:5:3: tls.key is missing"],
  ["an empty key", complete.replace(/key: .*/, "key:"), "tls.key is not a string"],
  ["a key that comes twice", `${complete}\naccount: 111122223333`, "(DUPLICATE_KEY)"],
  ["an account of 11 digits", complete.replace("012345678901", "01234567890"), "kms.yaml:8:10: account is not"],
  ["a region that is none", complete.replace("eu-west-1", "europe"), "kms.yaml:7:25: regions.2 is not"],
  ["a service of another form", `${complete}\nservices: { S3: [a] }`, "services has a name that is not"],
  [
    "a service principal of another form",
    `${complete}\nservicePrincipals: { logs: [a] }`,
    "servicePrincipals has a name",
  ],
  ["a service whose user is no ARN", `${complete}\nservices: { s3: [user/a] }`, "services.s3.1 is not"],
  ["no regions", complete.replace("[eu-central-1, eu-west-1]", "[]"), "regions is not a list"],
  ["an address without port", complete.replace("0.0.0.0:443", "0.0.0.0"), "kms.yaml:2:9: listen is not HOST:PORT"],
  ["a port that is none", complete.replace("0.0.0.0:443", "0.0.0.0:65536"), "listen is not HOST:PORT"],
  ["a section that is a string", complete.replace("{ sqlite: strongroom.db }", "sqlite"), "store is not a mapping"],
  [
    "an alias",
    complete.replace("[eu-central-1, eu-west-1]", "&r [eu-west-1]").replace("/etc/tls/key.pem", "*r"),
    "kms",
  ],
  ["a tag", complete.replace("012345678901", "!!js/function x"), "kms.yaml"],
  ["two documents", `${complete}\n---\n${complete}`, "(MULTIPLE_DOCS)"],
  ["text that is not YAML", "{ listen: [", "kms.yaml:"],
  [
    "an unknown engine",
    complete.replace("engine: wasm", "engine: gpu"),
    "hsm.engine is not auto, wasm, native or node",
  ],
  [
    "engines to choose from for one that is named",
    complete.replace("engine: wasm", "engine: wasm\n  allow: [wasm]"),
    "hsm has allow",
  ],
  ["an unknown driver", complete.replace("driver: soft", "driver: tpm"), "kms.yaml:10:11: hsm.driver is not"],
  ["a soft HSM without secret", complete.replace(/ {2}passphrase.*\n/, ""), "hsm needs one of keyFile and passphrase"],
  [
    "a soft HSM with two",
    complete.replace("  engine: wasm", "  keyFile: k"),
    "hsm needs one of keyFile and passphrase",
  ],
  [
    "keys of the other driver",
    withHsm(`{ uri: "${uri}", pin: "env:P", directory: d }`),
    "hsm has a name that is not known",
  ],
  ["a PKCS#11 HSM without PIN", withHsm(`{ uri: "${uri}" }`), "hsm needs one of pin and"],
  ["a PKCS#11 HSM with two", withHsm(`{ uri: "${uri}&pin-source=file:/p", pin: "env:P" }`), "hsm needs one of pin and"],
  ["a URI without module", withHsm('{ uri: "pkcs11:token=a", pin: "env:P" }'), "hsm.uri cannot be used"],
  ["both hsm and hsms", `${complete}\nhsms: {}`, ": has both hsm and hsms"],
  ["no HSM", withHsms("{}"), "hsms is not a mapping of one or more"],
  ["a primary that is none", `${withHsms(two)}\nprimary: third`, ": primary is not the name of one"],
  ["a primary of one", `${complete}\nprimary: main`, ":1: has a name that is not known"],
  ["an HSM's name in capitals", withHsms(two.replace("other", "Other")), "hsms.Other is not a name"],
  ["an HSM named default", withHsms(two.replace("other", "default")), "hsms.default is not a name"],
  ["a replica of none", withHsms(two.replace("two.key", "two.key, replicaOf: third")), "hsms.other.replicaOf is not"],
  ["a replica of itself", withHsms(two.replace("two.key", "two.key, replicaOf: other")), "a replica of a replica"],
  ["a primary that is a replica", withHsms(two.replace('"env:P"', '"env:P", replicaOf: other')), "that is a replica"],
  [
    "a replica with specs",
    withHsms(two.replace("two.key", "two.key, replicaOf: main, specs: [RSA_2048]")),
    "hsms.other has specs",
  ],
  ["a spec that is none", withHsms(two.replace("two.key", "two.key, specs: [RSA]")), "hsms.other.specs.1 is not a key"],
  ["specs without a list", withHsms(two.replace("two.key", "two.key, specs: all")), "hsms.other.specs is not default"],
  [
    "two defaults",
    withHsms(two.replace("two.key", "two.key, specs: default").replace('"env:P"', '"env:P", specs: default')),
    "hsms has specs: default more than once",
  ],
  ["specs of an only HSM", complete.replace("engine: wasm", "specs: default"), "hsm has a name that is not known"],
  ["an unknown key of one of several", withHsms(two.replace("keyFile: two", "file: two")), "hsms.other has a name"],
  ["no workers", withHsm(`{ uri: "${uri}", pin: "env:P", workers: 0 }`), "hsm.workers is not"],
  ["a deadline of nothing", withHsm(`{ uri: "${uri}", pin: "env:P", deadline: 0 }`), "hsm.deadline is not"],
])("%s is refused, and the place is named", (_, source, message) => {
  expect(() => parse(source)).toThrow(ConfigError);
  expect(() => parse(source)).toThrow(message);
});

test.each([
  complete.replace("env:STRONGROOM_HSM_PASSPHRASE", "hunter2"),
  withHsm(`{ uri: "${uri}", pin: hunter2 }`),
  withHsm(`{ uri: "${uri}&pin-value=hunter2", pin: "env:P" }`),
  withHsm(`{ uri: hunter2, pin: "env:P" }`),
  complete.replace("env:STRONGROOM_HSM_PASSPHRASE", "*hunter2"),
  complete.replace("env:STRONGROOM_HSM_PASSPHRASE", "{ hunter2"),
])("a secret in the wrong place is refused and not repeated (%#)", (source) => {
  let problem: unknown;
  try {
    parse(source);
  } catch (error) {
    problem = error;
  }
  expect(problem).toBeInstanceOf(ConfigError);
  expect(String(problem)).not.toContain("hunter2");
});

test("variables override scalars and lists, in a file that may have nothing", () => {
  const config = parse("", {
    STRONGROOM_LISTEN: "0.0.0.0:8443",
    STRONGROOM_ADMIN_LISTEN: "localhost:0",
    STRONGROOM_TLS_CERTIFICATE: "c.pem",
    STRONGROOM_TLS_KEY: "k.pem",
    STRONGROOM_REGIONS: "eu-west-1, eu-west-2",
    STRONGROOM_ACCOUNT: "111122223333",
    STRONGROOM_HSM_DRIVER: "soft",
    STRONGROOM_HSM_DIRECTORY: "/data/hsm",
    STRONGROOM_HSM_KEY_FILE: "/run/secrets/hsm",
    STRONGROOM_STORE_SQLITE: "/data/store.db",
    STRONGROOM_AUDIT_DIRECTORY: "/data/audit",
    STRONGROOM_SERVICE_HOST: "10.0.0.1",
  });
  expect(config).toMatchObject({
    listen: { host: "0.0.0.0", port: 8443 },
    regions: ["eu-west-1", "eu-west-2"],
    hsms: [{ name: "main", hsm: { driver: "soft", directory: "/data/hsm", keyFile: "/run/secrets/hsm" } }],
    tls: { certificate: "/etc/strongroom/c.pem" },
  });
});

test("a variable that is wrong is named, and an empty one is as good as none", () => {
  expect(() => parse(complete, { STRONGROOM_LISTEN: "nowhere" })).toThrow("STRONGROOM_LISTEN is not HOST:PORT");
  expect(() => parse(complete, { STRONGROOM_REGIONS: "eu-west-1,," })).toThrow("STRONGROOM_REGIONS is not");
  expect(parse(complete, { STRONGROOM_LISTEN: "" }).listen.port).toBe(443);
});

test("the variable that a secret's reference names is not taken for the reference", () => {
  const config = parse(complete, { STRONGROOM_HSM_PASSPHRASE: "hunter2" });
  expect(config.hsms[0]?.hsm).toMatchObject({ passphrase: "env:STRONGROOM_HSM_PASSPHRASE" });
});

test("a file that is not there is a ConfigError", () => {
  expect(() => readConfig("/nonexistent/kms.yaml")).toThrow(ConfigError);
});

test("whatever the text is, the answer is a configuration or a ConfigError with a place", () => {
  const lines = complete.split("\n");
  const edited = fc
    .tuple(fc.nat(lines.length), fc.nat(2), fc.string({ unit: "grapheme" }))
    .map(([at, removed, line]) => lines.toSpliced(at, removed, line).join("\n"));
  const pieces = fc.array(fc.constantFrom(...":-[]{}#&*!|>'\"%@`,?\n \t", "hsm", "tls", "a: b", "<<", "---", "\0"));
  const sources = fc.oneof(
    edited,
    pieces.map((list) => list.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(sources, (source) => {
      try {
        expect(parse(source).account).toMatch(/^\d{12}$/);
      } catch (problem) {
        expect(problem).toBeInstanceOf(ConfigError);
        expect(String(problem)).toMatch(/kms\.yaml:\d+:\d+: /);
      }
    }),
    { numRuns: 2000 },
  );
});

function parse(source: string, environment: Record<string, string> = {}): Config {
  return parseConfig(source, "/etc/strongroom/kms.yaml", environment);
}

function onlyHsm(source: string) {
  return parse(source).hsms[0]?.hsm;
}

/** `complete` with another `hsm`. */
function withHsm(hsm: string): string {
  return `${without("hsm")}\nhsm: ${hsm}\n`;
}

/** `complete` with `hsms` in the place of its `hsm`. */
function withHsms(hsms: string): string {
  return `${without("hsm")}hsms: ${hsms}`;
}

/** `complete` without these top-level keys. */
function without(...names: string[]): string {
  return complete.replace(new RegExp(`^(${names.join("|")}):.*\\n( .*\\n)*`, "gm"), "");
}
