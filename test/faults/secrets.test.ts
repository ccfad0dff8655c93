import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pkcs11js from "pkcs11js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { concat, fromBase64, fromHex, fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { ensureCertificates } from "../../src/cli/certificates.ts";
import { developmentFiles, readDevelopmentHome } from "../../src/development.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/index.ts";
import { type HsmConfig, openHsm, type SoftConfig } from "../../src/hsm/index.ts";
import { softHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { Domain } from "../../src/hsm/soft/domain.ts";
import { headerLength, sealingKeys } from "../../src/hsm/soft/root.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { parseBarrier } from "../../src/store/barrier.ts";
import { openSealed } from "../../src/store/sealed.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";
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
import { workersOf } from "./start.ts";

/**
 * Where a secret may be in the memory of an idle process:
 * - `nowhere`;
 * - `module`: in the linear memory of the WebAssembly module alone. There it is found, so the search finds things;
 * - `buffer`: once, in a buffer that is wiped when the service ends;
 * - `anywhere`: a limit. The texts of requests and answers (JSON, with base64) are strings of V8, and Node's streams,
 *   OpenSSL and pkcs11js free their buffers as they are. Nothing can wipe them; they last until the memory is used again.
 */
type Place = "nowhere" | "module" | "buffer" | "anywhere";

interface Secret {
  readonly bytes: Uint8Array;
  readonly server: Place;
  /** The process of the PKCS#11 driver; nowhere when absent. */
  readonly worker?: Place;
  /** The files below the home that hold it. */
  readonly files?: readonly string[];
}

type Secrets = Readonly<Record<string, Secret>>;

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
    const files = developmentFiles(home);
    const { hsm } = readDevelopmentHome(files.home);
    const found = {
      ...(await softHsm2Secrets(hsm, files.store)),
      ...used,
      // It comes through the socket of the worker.
      "a data key": { ...used["a data key"], server: "anywhere" },
      ...administratorSecret(),
    } satisfies Secrets;
    const [pid, workers] = [service.process.pid as number, workersOf(service)];
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

/** The secret was made by another process; this one has derived the keys of the day from it, inside its HSM. */
function signatureSecrets(secret: string): Secrets {
  const hmac = (key: string | Uint8Array, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  const kDate = hmac(`AWS4${secret}`, new Date().toISOString().slice(0, 10).replaceAll("-", ""));
  const kRegion = hmac(kDate, "us-east-1");
  const kService = hmac(kRegion, "kms");
  const kSigning = hmac(kService, "aws4_request");
  return {
    "a user's secret": { bytes: utf8(secret), server: "nowhere" },
    kDate: { bytes: kDate, server: "nowhere" },
    kRegion: { bytes: kRegion, server: "nowhere" },
    kService: { bytes: kService, server: "nowhere" },
    kSigning: { bytes: kSigning, server: "nowhere" },
    // As the first block that HMAC hashes (FIPS 198-1 §4, step 4).
    "kSigning under the inner pad": { bytes: kSigning.map((octet) => octet ^ 0x36), server: "buffer" },
  };
}

/** Read beside the service, by the engine that has no walls. */
async function softSecrets(config: SoftConfig, storeFile: string): Promise<Secrets> {
  const engine = await openEngine("node");
  const { hbk, recordKey } = await storedTokens(config, storeFile, engine);
  const domain = await Domain.open({ ...config, engine: "node" }, engine);
  const wrappingKey = new Uint8Array(32).fill(1);
  const material = engine.kwpUnwrap(wrappingKey, domain.boundary.wrapFor(hbk, wrappingKey)) as Uint8Array;
  const state = readFileSync(join(config.directory, "state"));
  const { root, file } = await sealingKeys(config, engine, state.subarray(0, headerLength));
  const { id = "", sealed = "" } = domain.state.domainKeys[0] ?? {};
  const [sealedKey, aad] = [Uint8Array.fromBase64(sealed), concat(utf8("SR1-domains"), fromHex(id))];
  const domainKey = engine.gcmOpen(root, sealedKey.subarray(0, 12), aad, sealedKey.subarray(12)) as Uint8Array;
  domain.close();
  return {
    "an HBK": { bytes: material, server: "nowhere" },
    "the domain key": { bytes: domainKey, server: "module" },
    "the root key": { bytes: root, server: "module" },
    "the key of the state file": { bytes: file, server: "buffer" },
    "the record key": { bytes: recordKey, server: "buffer" },
  };
}

async function softHsm2Secrets(config: HsmConfig, storeFile: string): Promise<Secrets> {
  const engine = await openEngine("node");
  const { hbk, recordKey } = await storedTokens(config, storeFile, engine);
  const folder = developmentFiles(home).hsm;
  process.env["SOFTHSM2_CONF"] = join(folder, "softhsm2.conf");
  const pin = readFileSync(join(folder, "pin"));
  return {
    "an HBK": { bytes: readThroughToken(pin.toString(), hbk), server: "nowhere" },
    "the record key": { bytes: recordKey, server: "buffer" },
    // pkcs11js takes it as a string, and frees a copy of that.
    "the PIN": { bytes: pin, server: "nowhere", worker: "anywhere", files: ["hsm/pin"] },
    "the SO PIN": { bytes: readFileSync(join(folder, "so-pin")), server: "nowhere", files: ["hsm/so-pin"] },
  };
}

/** As whoever has PIN and store can: unwrapped by the domain key into an object that may be read. */
function readThroughToken(pin: string, ekt: Uint8Array): Uint8Array {
  const { domainKeyId, wrapped } = parseEkt(ekt);
  const module = new pkcs11js.PKCS11();
  module.load(softHsm2());
  module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  const slot = module.C_GetSlotList(true).find((each) => module.C_GetTokenInfo(each).label.startsWith("strongroom"));
  const session = module.C_OpenSession(slot as Buffer, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  module.C_Login(session, pkcs11js.CKU_USER, pin);
  module.C_FindObjectsInit(session, [
    { type: pkcs11js.CKA_ID, value: Buffer.from(domainKeyId) },
    { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
  ]);
  const [domainKey] = module.C_FindObjects(session, 1);
  module.C_FindObjectsFinal(session);
  const mechanism = { mechanism: pkcs11js.CKM_AES_KEY_WRAP_PAD };
  const key = module.C_UnwrapKey(session, mechanism, domainKey as Buffer, Buffer.from(wrapped), [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_GENERIC_SECRET },
    { type: pkcs11js.CKA_SENSITIVE, value: false },
    { type: pkcs11js.CKA_EXTRACTABLE, value: true },
  ]);
  const [attribute] = module.C_GetAttributeValue(session, key, [{ type: pkcs11js.CKA_VALUE }]);
  const value = Uint8Array.from(attribute?.value as Buffer);
  module.C_Finalize();
  return value;
}

/** A token of the store, and the material of another: the key that seals the records. */
async function storedTokens(config: HsmConfig, storeFile: string, engine: Engine) {
  const hsm = await openHsm(config);
  const inner = await openSqlite(storeFile);
  const barrier = parseBarrier((await inner.get("barrier"))?.value as Uint8Array);
  const recordKey = await hsm.release(barrier.records[0] as Uint8Array);
  const store = await openSealed(inner, hsm, engine);
  const [stored] = await store.list("hbk/");
  const { ekt } = JSON.parse(fromUtf8(stored?.value as Uint8Array)) as { ekt: string };
  await store.close();
  await hsm.close();
  return { hbk: fromBase64(ekt) as Uint8Array, recordKey };
}

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
