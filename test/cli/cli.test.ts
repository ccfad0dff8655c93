import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { ConfigError, HsmError, KmsError } from "../../src/base/errors.ts";
import type { DevOptions } from "../../src/cli/commands/dev.ts";
import { type Handlers, runCli } from "../../src/cli/index.ts";

const id = "AKIAIOSFODNN7EXAMPLE";

beforeEach(() => vi.stubEnv("STRONGROOM_HOME", undefined));

test("dev runs with nothing said", async () => {
  expect(await dev()).toEqual({
    home: join(homedir(), ".strongroom"),
    hsm: "soft",
    listen: { host: "127.0.0.1", port: 8443 },
    adminListen: { host: "127.0.0.1", port: 8444 },
    regions: ["us-east-1"],
    account: "111122223333",
  });
});

test("dev takes everything that can be said", async () => {
  vi.stubEnv("TEST_SECRET", "from/the+environment=");
  const given = await dev(
    ...[
      "--home",
      "/tmp/h",
      "--hsm=pkcs11:token=a?module-path=/m.so",
      "--pin",
      "env:PIN",
      "--init-args=a='b'",
      "--listen",
      "[::]:0",
    ],
    ...["--admin-listen", "localhost:1", "--region", "eu-west-1", "--region", "eu-west-2", "--region", "eu-west-1"],
    ...["--account", "012345678901", "--access-key-id", id, "--secret-access-key", "env:TEST_SECRET"],
    ...["--attestation-roots", "/tmp/roots.pem"],
    ...["--service-principal", "logs.amazonaws.com=arn:aws:iam::999900001111:user/a=b"],
    ...["--service", "s3=storage", "--service", "ebs=disks", "--service", "s3=backup"],
  );
  expect(given).toEqual({
    home: "/tmp/h",
    hsm: { uri: "pkcs11:token=a?module-path=/m.so", pin: "env:PIN", initArgs: "a='b'" },
    listen: { host: "::", port: 0 },
    adminListen: { host: "localhost", port: 1 },
    regions: ["eu-west-1", "eu-west-2"],
    account: "012345678901",
    attestation: { roots: "/tmp/roots.pem" },
    services: { s3: ["storage", "backup"], ebs: ["disks"] },
    servicePrincipals: { "logs.amazonaws.com": ["arn:aws:iam::999900001111:user/a=b"] },
    accessKey: { id: id, secret: "from/the+environment=" },
  });
});

test("an ephemeral dev has no home", async () => {
  expect(await dev("--ephemeral")).not.toHaveProperty("home");
});

test("the secret access key is taken as it is, or from a file", async () => {
  const file = temporary("from-the-file-with-a-newline\n");
  for (const [given, secret] of [
    ["test/test+test=test", "test/test+test=test"],
    [`file:${file}`, "from-the-file-with-a-newline"],
  ] as const) {
    const options = await dev("--access-key-id", id, "--secret-access-key", given);
    expect(options.accessKey).toEqual({ id, secret });
  }
});

test("serve takes its configuration", async () => {
  expect(await ran("serve", "--config", "kms.yaml")).toEqual(["serve", { config: "kms.yaml" }]);
});

test.each([
  ["init", ["plain"]],
  ["probe", [false]],
  ["status", []],
  ["rotate-domain-key", [{}]],
  ["trust", [{}, false]],
])("hsm %s works on a home or a configuration", async (name, more) => {
  const handler = `hsm${name.replace(/(?:^|-)./g, (found) => (found.at(-1) as string).toUpperCase())}`;
  expect(await ran("hsm", name)).toEqual([handler, { home: join(homedir(), ".strongroom") }, ...more, undefined]);
  expect(await ran("hsm", name, "--home", "/h")).toEqual([handler, { home: "/h" }, ...more, undefined]);
  expect(await ran("hsm", name, "--config", "c", "--hsm", "b")).toEqual([handler, { config: "c" }, ...more, "b"]);
});

test("hsm list and hsm pair", async () => {
  const config = ["--config", "c"];
  expect(await ran("hsm", "list", ...config)).toEqual(["hsmList", { config: "c" }, false]);
  expect(await ran("hsm", "list", ...config, "--json")).toEqual(["hsmList", { config: "c" }, true]);
  expect(await ran("hsm", "pair", ...config, "--hsm", "b")).toEqual(["hsmPair", { config: "c" }, "b", [], {}]);
  const [one, two] = ["0", "f"].map((digit) => digit.repeat(64)) as [string, string];
  const fingerprints = ["--fingerprint", one, "--fingerprint", two];
  expect((await ran("hsm", "pair", ...config, "--hsm", "b", ...fingerprints))[3]).toEqual([one, two]);
  const asOpenSsl = two.replaceAll(/..(?=.)/g, "$&:").toUpperCase();
  expect((await ran("hsm", "pair", ...config, "--hsm", "b", "--fingerprint", asOpenSsl))[3]).toEqual([two]);
  expect((await run(["hsm", "pair", ...config, "--hsm", "b", "--fingerprint", "00"])).errors).toMatch(/--fingerprint/);
});

test("hsm unpin takes a fingerprint, and hsm erased domain keys", async () => {
  const of = { home: "/h" };
  const fingerprint = "0f".repeat(32);
  expect(await ran("hsm", "unpin", "--home", "/h", "--fingerprint", fingerprint, "--hsm", "b")).toEqual([
    ...["hsmUnpin", of, fingerprint],
    "b",
  ]);
  const id = "0f".repeat(16);
  expect(await ran("hsm", "erased", "--home", "/h")).toEqual(["hsmErased", of, []]);
  expect(await ran("hsm", "erased", "--home", "/h", "--domain-key", id)).toEqual(["hsmErased", of, [id]]);
  expect((await run(["hsm", "erased", "--home", "/h", "--domain-key", "main"])).errors).toMatch(/--domain-key/);
});

test("a security officer's PIN comes by reference, for the HSM that it is of", async () => {
  const trust = (...pins: string[]) =>
    run(["hsm", "trust", "--home", "/h", ...pins.flatMap((pin) => ["--so-pin", pin]), "--public-keys"]);
  expect((await trust("file:/a=b", "twin=env:PIN")).calls).toEqual([
    ["hsmTrust", { home: "/h" }, { "": "file:/a=b", twin: "env:PIN" }, true, undefined],
  ]);
  expect((await trust("12345678")).errors).toMatch(/--so-pin is not file/);
  expect((await trust("env:A", "env:B")).errors).toMatch(/twice/);
});

test("hsm init takes a mode of the domain key", async () => {
  const locked = ["hsm", "init", "--home", "/h", "--mode", "locked"] as const;
  expect(await ran(...locked)).toEqual(["hsmInit", { home: "/h" }, "locked", undefined]);
  expect((await run(["hsm", "init", "--home", "/h", "--mode", "open"])).errors).toMatch(/mode/);
});

test("iam has the commands and arguments of aws iam", async () => {
  const of = { home: "/h" };
  const iam = (...argv: string[]) => ran("iam", ...argv, "--home", "/h");
  const file = temporary('{"Version":"2012-10-17"}');
  expect(await iam("create-user", "--user-name", "a@b")).toEqual(["iamCreateUser", of, { userName: "a@b" }]);
  expect(await iam("delete-user", "--user-name", "a")).toEqual(["iamDeleteUser", of, { userName: "a" }]);
  expect(await iam("create-user", "--user-name", "a", "--account", "999900001111")).toEqual([
    "iamCreateUser",
    of,
    { account: "999900001111", userName: "a" },
  ]);
  expect(await iam("list-users")).toEqual(["iamListUsers", of, {}]);
  expect(await iam("create-access-key", "--user-name", "a")).toEqual(["iamCreateAccessKey", of, { userName: "a" }]);
  expect(await iam("delete-access-key", "--access-key-id", "K")).toEqual([
    "iamDeleteAccessKey",
    of,
    { accessKeyId: "K" },
  ]);
  expect(await iam("update-access-key", "--access-key-id", "K", "--status", "Inactive")).toEqual([
    "iamUpdateAccessKey",
    of,
    { accessKeyId: "K", status: "Inactive" },
  ]);
  expect(await iam("list-access-keys", "--user-name", "a")).toEqual(["iamListAccessKeys", of, { userName: "a" }]);
  expect(await iam("list-user-policies", "--user-name", "a")).toEqual(["iamListUserPolicies", of, { userName: "a" }]);
  for (const path of [file, `file://${file}`]) {
    expect(await iam("put-user-policy", "--user-name", "a", "--policy-name", "p", "--policy-document", path)).toEqual([
      "iamPutUserPolicy",
      of,
      { userName: "a", policyName: "p", policyDocument: '{"Version":"2012-10-17"}' },
    ]);
  }
  expect(await iam("delete-user-policy", "--user-name", "a", "--policy-name", "p")).toEqual([
    "iamDeleteUserPolicy",
    of,
    { userName: "a", policyName: "p" },
  ]);
});

test.each([
  ["no command", [], "a command is missing; see --help"],
  [
    "a file in a folder that is not there",
    ["hsm", "tombstones", "--out", "/none/list"],
    "--out is not a path in a folder",
  ],
  ["an unknown command", ["devv"], "devv"],
  ["an unknown flag", ["dev", "--lisen", "127.0.0.1:1"], "lisen"],
  ["a stray word", ["dev", "now"], "now"],
  ["a flag without value", ["dev", "--home"], "home"],
  ["a flag given twice", ["dev", "--home", "a", "--home", "b"], "--home is given more than once"],
  ["an empty value", ["dev", "--home", ""], "--home is not a path"],
  ["an address without port", ["dev", "--listen", "127.0.0.1"], "--listen is not HOST:PORT"],
  ["an admin address without port", ["dev", "--admin-listen", "x"], "--admin-listen is not HOST:PORT"],
  ["a region that is none", ["dev", "--region", "europe"], "--region is not an AWS Region name"],
  ["a region and a stray word", ["dev", "--region", "eu-west-1", "eu-west-2"], "eu-west-2"],
  ["an account of 11 digits", ["dev", "--account", "11112222333"], "--account is not"],
  ["an unknown HSM", ["dev", "--hsm", "tpm"], "--hsm is not"],
  ["a URI without PIN", ["dev", "--hsm", "pkcs11:token=a"], "--pin is missing"],
  [
    "a PIN in the clear",
    ["dev", "--hsm", "pkcs11:token=a", "--pin", "hunter2"],
    "--pin is not file:<path> or env:<name>",
  ],
  ["a PIN for the soft HSM", ["dev", "--pin", "env:PIN"], "--pin goes with"],
  ["library parameters for the soft HSM", ["dev", "--init-args", "a"], "--init-args goes with"],
  ["library parameters for no URI", ["hsm", "probe", "--init-args", "a"], "--init-args goes with"],
  ["a URI where a name stands", ["hsm", "test", "--hsm", "pkcs11:token=a", "--pin", "prompt"], "without --hsm"],
  ["a home that is ephemeral", ["dev", "--home", "a", "--ephemeral"], "ephemeral"],
  ["an access key without secret", ["dev", "--access-key-id", id], "secret-access-key"],
  ["a secret without access key", ["dev", "--secret-access-key", "hunter2"], "access-key-id"],
  [
    "a secret of two lines",
    ["dev", "--access-key-id", id, "--secret-access-key", "hunter2hunter2hunter2\nhunter2"],
    "--secret-access-key is",
  ],
  ["a short secret", ["dev", "--access-key-id", id, "--secret-access-key", "abc"], "--secret-access-key is not 4"],
  [
    "a short access key",
    ["dev", "--access-key-id", "no", "--secret-access-key", "hunter2"],
    "--access-key-id is not 3",
  ],
  ["a secret that is not there", ["dev", "--access-key-id", id, "--secret-access-key", "env:NONE"], "NONE is not set"],
  ["a list without a value", ["dev", "--region"], "Not enough arguments following: region"],
  ["a negated flag", ["dev", "--no-ephemeral"], "no-ephemeral"],
  ["serve without configuration", ["serve"], "config"],
  ["hsm without command", ["hsm"], "hsm needs one of its commands"],
  ["an unknown hsm command", ["hsm", "destroy"], "destroy"],
  ["a home and a configuration", ["hsm", "status", "--home", "a", "--config", "b"], "config"],
  ["iam without command", ["iam"], "iam needs one of its commands"],
  ["iam without user", ["iam", "create-user"], "user-name"],
  ["a user name with a slash", ["iam", "create-user", "--user-name", "a/b"], "--user-name is not"],
  [
    "a policy that is not there",
    ["iam", "put-user-policy", "--user-name", "a", "--policy-name", "p", "--policy-document", "/none"],
    "--policy-document cannot be read (ENOENT)",
  ],
])("%s is refused with status 2, by name, in one line", async (_, argv, message) => {
  const { status, errors, calls } = await run(argv);
  expect(status).toBe(2);
  expect(errors).toContain(message);
  expect(errors).toMatch(/^strongroom: .*$/);
  expect(errors).not.toContain("hunter2");
  expect(calls).toEqual([]);
});

test.each([
  ["a ConfigError", new ConfigError("the home is locked"), 2, /^strongroom: the home is locked$/],
  ["a failure with a name", new HsmError("unavailable", "the token is gone"), 1, /^strongroom: the token is gone$/],
  ["a request that the API refuses", new KmsError("NotFoundException", "policy"), 2, /^strongroom: .+$/],
  ["an answer that the API owes", new KmsError("KMSInternalException", "failure"), 1, /^strongroom: .+$/],
  ["a surprise, with its stack", new TypeError("x is not a function"), 1, /x is not a function\n +at /],
])("a command that ends in %s", async (_, problem, status, errors) => {
  const answer = await run(["dev"], () => Promise.reject(problem));
  expect(answer.status).toBe(status);
  expect(answer.errors).toMatch(errors);
});

test.each([
  [["--help"], "strongroom dev"],
  [["dev", "--help"], "--admin-listen"],
  [["iam", "--help"], "put-user-policy"],
  [["--version"], "0."],
  [["completion"], "strongroom"],
])("%j prints to standard output and runs nothing", async (argv, printed) => {
  const { status, output, calls } = await run(argv);
  expect(status).toBe(0);
  expect(output).toContain(printed);
  expect(calls).toEqual([]);
});

test("a line that a shell completes is told of no problem", async () => {
  const { output, errors } = await run(["--get-yargs-completions", "strongroom", "dev", "--hsm", ""]);
  expect(output).toContain("--listen");
  expect(errors).toBe("");
});

async function dev(...argv: string[]): Promise<DevOptions> {
  const [name, options] = await ran("dev", ...argv);
  expect(name).toBe("dev");
  return options as DevOptions;
}

/** The one handler that ran, and what it was given. */
async function ran(...argv: string[]): Promise<unknown[]> {
  const { status, errors, calls } = await run(argv);
  expect([status, errors]).toEqual([0, ""]);
  expect(calls).toHaveLength(1);
  return calls[0] as unknown[];
}

async function run(argv: readonly string[], then: () => Promise<void> = () => Promise.resolve()) {
  const calls: unknown[][] = [];
  const handlers = new Proxy({} as Handlers, {
    get:
      (_, name) =>
      (...given: unknown[]) => {
        calls.push([name, ...given]);
        return then();
      },
  });
  const error = vi.spyOn(console, "error").mockReturnValue();
  const log = vi.spyOn(console, "log").mockReturnValue();
  try {
    const status = await runCli(argv, handlers);
    return { status, calls, errors: error.mock.calls.flat().join("\n"), output: log.mock.calls.flat().join("\n") };
  } finally {
    vi.restoreAllMocks();
  }
}

function temporary(contents: string): string {
  const folder = mkdtempSync(join(tmpdir(), "cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "file"), contents, { mode: 0o600 });
  return join(folder, "file");
}
