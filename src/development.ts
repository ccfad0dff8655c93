import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Iam } from "./access/iam.ts";
import { MovableClock } from "./base/clock.ts";
import { ConfigError, KmsError } from "./base/errors.ts";
import { writePrivateFile } from "./base/private-file.ts";
import { writeAwsFiles } from "./cli/aws-files.ts";
import { ensureCertificates } from "./cli/certificates.ts";
import type { DevOptions } from "./cli/commands/dev.ts";
import { ephemeralHome, lockHome, openHome } from "./cli/home.ts";
import type { HsmConfig } from "./hsm/config.ts";
import { initHsm, mainHsm } from "./hsm/index.ts";
import { provisionSoftHsm2 } from "./hsm/pkcs11/provision.ts";
import { withShellEnvironment } from "./hsm/shell-environment.ts";
import type { Kms } from "./kms/kms.ts";
import { reset } from "./kms/reset.ts";
import { userArn } from "./model/arn.ts";
import { operatorIam, serveUntilStopped } from "./operator.ts";
import type { DevControls } from "./server/admin.ts";
import { openParts, type Parts, startService } from "./service.ts";

/** What a dev home is for: decided when it is made. */
interface Home {
  readonly account: string;
  readonly hsm: HsmConfig;
}

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export const developmentFiles = (home: string) => ({
  home: join(home, "home.json"),
  hsm: join(home, "hsm"),
  store: join(home, "store.db"),
  audit: join(home, "audit"),
  token: join(home, "dev-token"),
  credentials: join(home, "aws/credentials"),
});

const administrator = "administrator";

/** `strongroom dev`: makes what is missing in its home, prints how to reach it, and serves until it is stopped. */
export async function runDevelopment(options: DevOptions): Promise<void> {
  const home = options.home === undefined ? ephemeralHome() : openHome(options.home);
  const unlock = lockHome(home);
  const files = developmentFiles(home);
  const { account, ...made } = await ensureHome(files, options);
  const hsm = withShellEnvironment(made.hsm);
  const certificates = await ensureCertificates(home, [options.listen.host]);
  const clock = new MovableClock();
  const premises = {
    hsms: mainHsm(hsm),
    // Also one that a first start left unsealed. Where the HSM has seen a store, none is made in its place.
    store: { file: files.store, create: true },
    audit: { directory: files.audit, chain: "service" },
    clock,
  };
  const parts = await openParts(premises);
  const iam = operatorIam(parts, account, clock);
  const credentials = await ensureAdministrator(iam, account, files.credentials, options.accessKey);
  const services = Object.fromEntries(
    Object.entries(options.services ?? {}).map(([name, users]) => [name, users.map((user) => userArn(account, user))]),
  );
  const config = { ...options, ...premises, tls: certificates, services };
  const service = await startService(config, parts, (kms, runJobs) =>
    devControls({ kms, parts, iam, account, clock, token: ensureToken(files.token), runJobs }),
  );
  if (hsm.driver === "soft") console.error("strongroom: development only: the HSM's key lies beside its state.");
  const lines = writeAwsFiles(home, {
    endpoint: service.endpoint,
    region: options.regions[0] as string,
    caFile: certificates.caFile,
    ...credentials,
  });
  await serveUntilStopped(service, parts, lines);
  unlock();
}

/** Makes the home's HSM and says in it which one that is, if it has none. */
export async function ensureHome(
  files: ReturnType<typeof developmentFiles>,
  options: Pick<DevOptions, "account" | "hsm">,
): Promise<Home> {
  if (existsSync(files.home)) return checkedHome(readDevelopmentHome(files.home), options);
  // Without home.json nothing has been sealed yet: what is there is left by a first start that was cut off.
  if (existsSync(files.store)) throw new ConfigError(`${files.home} is missing beside a store: restore it`);
  rmSync(files.hsm, { recursive: true, force: true });
  const home = { account: options.account, hsm: await newHsm(files.hsm, options.hsm) };
  writePrivateFile(files.home, JSON.stringify(home));
  return home;
}

async function newHsm(directory: string, choice: DevOptions["hsm"]): Promise<HsmConfig> {
  if (typeof choice === "object") {
    const config: HsmConfig = { driver: "pkcs11", ...choice, stateDirectory: directory };
    await initHsm(withShellEnvironment(config));
    return config;
  }
  const config: HsmConfig =
    choice === "softhsm2"
      ? await provisionSoftHsm2(directory, "strongroom")
      : { driver: "soft", directory, keyFile: join(directory, "key") };
  await initHsm(config);
  return config;
}

export function readDevelopmentHome(file: string): Home {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Home;
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read: is there the home of a dev service, and is it yours?`, { cause });
  }
}

/** A home keeps its account and HSM: another choice would not find its keys. */
function checkedHome(home: Home, options: Pick<DevOptions, "account" | "hsm">): Home {
  const { uri, initArgs } = home.hsm.driver === "pkcs11" ? home.hsm : {};
  const matches =
    typeof options.hsm === "object"
      ? options.hsm.uri === uri && options.hsm.initArgs === initArgs
      : options.hsm === "softhsm2"
        ? uri?.includes("token=strongroom") === true
        : home.hsm.driver === "soft";
  if (!matches) throw new ConfigError("--hsm is not what this home was made with; take another --home");
  if (options.account !== home.account) {
    throw new ConfigError(`--account is not that of this home, ${home.account}; take another --home`);
  }
  return home;
}

/** The administrator's access key is in the store and, for clients, in the credentials file. Both, or it is made again. */
async function ensureAdministrator(
  iam: Iam,
  account: string,
  credentialsFile: string,
  given: DevOptions["accessKey"],
): Promise<Credentials> {
  const users = await iam.listUsers(account);
  if (!users.some(({ name }) => name === administrator)) await iam.createUser(account, administrator);
  await iam.putUserPolicy(account, administrator, "AdministratorAccess", allowEverything);
  const keys = await iam.listAccessKeys(account, administrator);
  const written = readCredentials(credentialsFile);
  const wanted = given && { accessKeyId: given.id, secretAccessKey: given.secret };
  const current = wanted ?? written;
  const kept = written?.accessKeyId === current?.accessKeyId && written?.secretAccessKey === current?.secretAccessKey;
  if (current && kept && keys.some(({ id }) => id === current.accessKeyId)) return current;
  for (const { id } of keys) await iam.deleteAccessKey(id);
  return iam.createAccessKey(
    account,
    administrator,
    wanted && { id: wanted.accessKeyId, secret: wanted.secretAccessKey },
  );
}

const allowEverything = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
});

function readCredentials(file: string): Credentials | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const [, accessKeyId] = /^aws_access_key_id = (\S+)$/m.exec(text) ?? [];
  const [, secretAccessKey] = /^aws_secret_access_key = (\S+)$/m.exec(text) ?? [];
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
}

function ensureToken(file: string): string {
  if (!existsSync(file)) writePrivateFile(file, randomBytes(32).toString("hex"));
  return readFileSync(file, "utf8");
}

interface ControlParts {
  readonly kms: Kms;
  readonly parts: Parts;
  readonly iam: Iam;
  readonly account: string;
  readonly clock: MovableClock;
  readonly token: string;
  readonly runJobs: () => Promise<void>;
}

/** Clients know no year after 9999, and keys are planned ahead. */
const latest = Date.UTC(9000);

const devControls = ({ kms, parts, iam, account, clock, token, runJobs }: ControlParts): DevControls => ({
  token,
  reset: () => reset({ store: parts.store, iam, account, administrator, forget: kms.forget }),
  async advanceClock(seconds) {
    if (clock.now() + seconds * 1000 > latest) throw new KmsError("ValidationException", "advanceSeconds");
    clock.advance(seconds * 1000);
    await runJobs();
  },
});
