import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { ensureCertificates } from "../../src/cli/certificates.ts";
import { developmentFiles, readDevelopmentHome } from "../../src/development.ts";
import type { SoftConfig } from "../../src/hsm/index.ts";
import {
  administrator,
  checkout,
  launch,
  removeHome,
  type Service,
  startService,
  temporaryHome,
} from "../contract/service.ts";
import { filesWith, isLinearMemory, search } from "./memory.ts";
import { type Secrets, signatureSecrets, softHsm2Secrets, softSecrets } from "./secrets.ts";
import { workersOf } from "./start.ts";

let home: string;
let service: Service | undefined;
beforeEach(() => {
  home = temporaryHome();
});
afterEach(async () => {
  await service?.kill("SIGKILL");
  service = undefined;
  removeHome(home);
});

describe("an idle service holds its secrets where they belong, and nowhere else", () => {
  it("over the soft HSM under a passphrase, for users of its own", async () => {
    const config = await production();
    const user = newUser("--config", config.file);
    service = await launch(home, ["serve", "--config", config.file]);
    const used = await use(service, user);
    const found = {
      ...(await softSecrets(config.hsm, join(home, "store.db"))),
      ...signatureSecrets(user.secretAccessKey),
      ...used,
      passphrase: { bytes: readFileSync(join(home, "passphrase")), server: "nowhere", files: ["passphrase"] },
    } satisfies Secrets;
    expect(faults(service.process.pid as number, "server", found)).toEqual([]);
    expect(fileFaults(found)).toEqual([]);
    expect(await service.stop()).toBe(0);
  }, 120_000);

  it("over the soft HSM of a dev home", async () => {
    service = await startService(home);
    const used = await use(service, administrator(home));
    const files = developmentFiles(home);
    const { hsm } = readDevelopmentHome(files.home);
    const found = {
      ...(await softSecrets(hsm as SoftConfig, files.store)),
      ...used,
      "the key file": { bytes: readFileSync(join(files.hsm, "key")), server: "nowhere", files: ["hsm/key"] },
      ...administratorSecret(),
    } satisfies Secrets;
    expect(faults(service.process.pid as number, "server", found)).toEqual([]);
    expect(fileFaults(found)).toEqual([]);
  }, 120_000);

  it("over SoftHSM2", async () => {
    service = await startService(home, "softhsm2");
    const used = await use(service, administrator(home));
    const found = {
      ...(await softHsm2Secrets(home)),
      ...used,
      // It comes through the socket of the worker.
      "a data key": { ...used["a data key"], server: "anywhere" },
      ...administratorSecret(),
    } satisfies Secrets;
    const [pid, workers] = [service.process.pid as number, workersOf(service)];
    expect(workers).not.toEqual([]);
    expect(faults(pid, "server", found)).toEqual([]);
    for (const worker of workers) expect(faults(worker, "worker", found)).toEqual([]);
    expect(fileFaults(found)).toEqual([]);
    for (const process of [pid, ...workers]) {
      // Neither writes memory into a core file, or shows a secret to whoever lists processes.
      expect(readFileSync(`/proc/${process}/coredump_filter`, "utf8")).toBe("00000000\n");
      const shown = Buffer.concat(["cmdline", "environ"].map((name) => readFileSync(`/proc/${process}/${name}`)));
      expect(Object.values(found).filter(({ bytes }) => shown.includes(bytes))).toEqual([]);
    }
  }, 120_000);
});

/** What is where it does not belong, or not where it does. */
function faults(pid: number, process: "server" | "worker", secrets: Secrets): string[] {
  const hits = search(pid, Object.fromEntries(Object.entries(secrets).map(([name, { bytes }]) => [name, bytes])));
  return Object.entries(secrets).flatMap(([name, secret]) => {
    const found = hits.filter(({ needle }) => needle === name);
    const right = {
      nowhere: found.length === 0,
      module: found.length > 0 && found.every(({ mapping }) => isLinearMemory(mapping)),
      buffer: found.length === 1,
      anywhere: true,
    }[secret[process] ?? "nowhere"];
    const places = found.map(({ mapping }) =>
      isLinearMemory(mapping) ? "the module" : mapping.name || "the heap of V8",
    );
    return right ? [] : [`${name}: ${found.length} times in the ${process}: ${places.slice(0, 4).join(", ")}`];
  });
}

const fileFaults = (secrets: Secrets): string[] =>
  Object.entries(secrets).flatMap(([name, { bytes, files = [] }]) => {
    const found = filesWith(home, bytes);
    return JSON.stringify(found) === JSON.stringify([...files].sort()) ? [] : [`${name} is in ${found.join(", ")}`];
  });

interface User {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Everything that a secret passes through, often enough to leave something. */
async function use({ client }: Service, user: User) {
  const kms = client(user);
  const plaintext = Buffer.from(`the eagle lands at ${Math.random().toString(36)} in the morning`);
  const { KeyMetadata } = await kms.createKey();
  const { KeyMetadata: other } = await kms.createKey();
  const KeyId = KeyMetadata?.KeyId;
  let dataKey: Uint8Array = new Uint8Array();
  for (let i = 0; i < 30; i++) {
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: plaintext });
    await kms.decrypt({ CiphertextBlob });
    await kms.reEncrypt({ CiphertextBlob, DestinationKeyId: other?.KeyId });
    await kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: "AES_256" });
    dataKey = (await kms.generateDataKey({ KeyId, KeySpec: "AES_256" })).Plaintext as Uint8Array;
  }
  const text = (bytes: Uint8Array): Uint8Array => utf8(Buffer.from(bytes).toString("base64").slice(0, 40));
  return {
    "a plaintext": { bytes: plaintext, server: "nowhere" },
    "a plaintext in base64": { bytes: text(plaintext), server: "anywhere" },
    "a data key": { bytes: dataKey, server: "nowhere" },
    "a data key in base64": { bytes: text(dataKey), server: "anywhere" },
  } satisfies Secrets;
}

/** `dev` writes it for the clients, so it has it as a string. */
const administratorSecret = () =>
  ({
    "the administrator's secret": {
      bytes: utf8(administrator(home).secretAccessKey),
      server: "anywhere",
      files: ["aws/credentials"],
    },
  }) satisfies Secrets;

/** An installation as `strongroom serve` has it, in `home`. */
async function production(): Promise<{ file: string; hsm: SoftConfig }> {
  await ensureCertificates(home, ["127.0.0.1"]);
  writeFileSync(join(home, "passphrase"), "correct horse battery staple", { mode: 0o600 });
  const file = join(home, "strongroom.yaml");
  writeFileSync(
    file,
    `listen: 127.0.0.1:0
adminListen: 127.0.0.1:0
tls: { certificate: tls/server.pem, key: tls/server-key.pem }
account: "111122223333"
hsm: { driver: soft, directory: hsm, passphrase: "file:passphrase" }
store: { sqlite: store.db }
audit: { directory: audit }
`,
  );
  strongroom("hsm", "init", "--config", file);
  return {
    file,
    hsm: { driver: "soft", directory: join(home, "hsm"), passphrase: `file:${join(home, "passphrase")}` },
  };
}

function newUser(...installation: readonly string[]): User {
  const policy = join(home, "policy.json");
  const statement = { Effect: "Allow", Action: "kms:*", Resource: "*" };
  writeFileSync(policy, JSON.stringify({ Version: "2012-10-17", Statement: [statement] }));
  const iam = (command: string, ...options: readonly string[]): string =>
    strongroom("iam", command, "--user-name", "alice", ...options, ...installation);
  iam("create-user");
  iam("put-user-policy", "--policy-name", "all", "--policy-document", policy);
  return JSON.parse(iam("create-access-key")) as User;
}

const strongroom = (...command: readonly string[]): string =>
  execFileSync(join(checkout, "scripts/strongroom"), command, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
