import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import { Asymmetric } from "../../../src/engine/asymmetric/asymmetric.ts";
import type { Ekt } from "../../../src/hsm/index.ts";
import { driver, type Pkcs11Hsm } from "../../../src/hsm/pkcs11/driver.ts";
import { softHsm2 } from "../../../src/hsm/pkcs11/provision.ts";
import type { HbkMeta } from "../../../src/model/hbk.ts";
import { expectHsmError, metaOf } from "../../conformance/hsm-fixture.ts";
import { wrapped } from "../../operations/wrapping-client.ts";
import { nssTokens } from "./nss.ts";
import {
  aad,
  algorithm,
  encrypt,
  isAlive,
  type Load,
  newKey,
  type OwnToken,
  openSoft,
  pinOf,
  pkcs11Tool,
  type SoftToken,
  softHsm2Util,
  softTokens,
  startLoad,
  until,
  withFaults,
} from "./tokens.ts";

const token = softTokens();
const nss = nssTokens();
/** Where 10,000 files take seconds. */
const inMemory = softTokens("/dev/shm");
const inFlight = 32;
const works = (hsm: Pkcs11Hsm, key: Ekt) => async () =>
  encrypt(hsm, key).then(
    () => true,
    () => false,
  );
/** Of a call: more than the default one, because a machine that takes time away must not make a call fail. */
const deadline = 8_000;

describe("a worker's module", () => {
  let config: SoftToken;
  let hsm: Pkcs11Hsm;
  let key: Ekt;
  let load: Load;
  beforeAll(async () => {
    config = { ...withFaults(await token()), workers: 2, deadline };
    await driver.init(config);
    hsm = await openSoft(config);
    await until(() => hsm.workerPids.length === 2);
    key = await newKey(hsm);
  });
  afterAll(() => hsm.close());

  it.each([
    ["whose sessions are closed", "sessions-closed"],
    ["that is logged out", "logged-out"],
    ["that another part of its process has finalized", "finalized"],
    ["whose key is gone", "key-gone"],
    ["that crashes", "crash"],
    ["that hangs", "hang"],
  ])("%s under load fails no call, and both workers serve soon after", async (_, fault) => {
    load = startLoad(hsm, key, inFlight);
    await load.progress(50);
    const before = hsm.workerPids;
    writeFileSync(join(config.folder, fault), "");
    await until(() => before.some((pid) => !isAlive(pid)));
    await until(() => hsm.workerPids.length === 2 && hsm.workerPids.every(isAlive));
    await load.progress(50);
    expect(await load.stop()).toEqual([]);
    expect(readdirSync(config.folder)).not.toContain(fault);
  });

  it("that fails once at what a stranger may have sent is asked again, and calls nothing wrong that is right", async () => {
    const workers = hsm.workerPids;
    const once = async <Answer>(fault: string, ask: () => Promise<Answer>): Promise<Answer> => {
      writeFileSync(join(config.folder, fault), "");
      const answer = await ask();
      expect(readdirSync(config.folder)).not.toContain(fault);
      return answer;
    };
    const external = { ...metaOf("kms-symmetric"), origin: "EXTERNAL" } as const;
    const internal = { kind: "import", usage: "INTERNAL", origin: "AWS_KMS" } as const;
    const forImport = { ...external, ...internal, spec: "RSA_2048" } as const;
    const wrapping = await hsm.imports.wrappingKey(forImport);
    const sent = wrapped(wrapping.publicKey, "RSAES_OAEP_SHA_1", new Uint8Array(32).fill(1));
    for (const fault of ["unwrap-fails", "unwrap-memory"]) {
      const taken = await once(fault, () => hsm.imports.unwrap(external, wrapping.ekt, "RSAES_OAEP_SHA_1", sent));
      expect(taken).toHaveProperty("ekt");
    }
    const pair = (meta: Partial<HbkMeta>) => hsm.keyPairs.generate({ ...metaOf("kms-private"), ...meta });
    const rsa = await pair({ spec: "RSA_2048", usage: "ENCRYPT_DECRYPT" });
    const ciphertext = new Asymmetric(null).encrypt("RSAES_OAEP_SHA_1", rsa.publicKey, utf8("text"));
    const decrypt = () => hsm.keyPairs.decrypt(rsa.ekt, "RSAES_OAEP_SHA_1", ciphertext);
    expect(await once("decrypt-fails", decrypt)).toEqual(utf8("text"));
    const ec = await pair({ spec: "ECC_NIST_P256", usage: "KEY_AGREEMENT" });
    const agree = () => hsm.keyPairs.deriveSharedSecret(ec.ekt, ec.publicKey);
    expect(await once("derive-fails", agree)).toEqual(await agree());
    expect(hsm.workerPids).toEqual(workers);
    const inToken = await openSoft({ ...config, boundary: "token-gcm", workers: 1 });
    const sealed = await encrypt(inToken, key);
    expect(await once("decrypt-fails", () => inToken.decrypt(key, algorithm, sealed, aad))).toEqual(utf8("plaintext"));
    await inToken.close();
  });

  it.each([
    ["that is away for a call", "device-removed"],
    ["that closes a session", "session-closed"],
  ])("%s under load fails no call, and costs no worker", async (_, fault) => {
    const workers = hsm.workerPids;
    load = startLoad(hsm, key, inFlight);
    writeFileSync(join(config.folder, fault), "");
    await until(() => !readdirSync(config.folder).includes(fault));
    await load.progress(50);
    expect(await load.stop()).toEqual([]);
    expect(hsm.workerPids).toEqual(workers);
  });

  it("whose token is full says so, keeps the anchor that it has, and serves on", async () => {
    await hsm.writeAnchor(utf8("first"));
    const workers = hsm.workerPids;
    load = startLoad(hsm, key, inFlight);
    writeFileSync(join(config.folder, "token-full"), "");
    await expect(hsm.writeAnchor(utf8("second"))).rejects.toThrow(/keeps no anchor: .*CKR_DEVICE_MEMORY/);
    expect(await hsm.readAnchor()).toEqual(utf8("first"));
    rmSync(join(config.folder, "token-full"));
    await hsm.writeAnchor(utf8("third"));
    expect(await hsm.readAnchor()).toEqual(utf8("third"));
    expect(await load.stop()).toEqual([]);
    expect(hsm.workerPids).toEqual(workers);
  });

  it("that makes no key pair after all says so, and serves on", async () => {
    const workers = hsm.workerPids;
    const meta = { ...metaOf("kms-private"), spec: "RSA_4096", usage: "SIGN_VERIFY" } as const;
    writeFileSync(join(config.folder, "no-key-pairs"), "");
    await expect(hsm.keyPairs.generate(meta)).rejects.toThrow(/makes no RSA_4096 keys: .*CKR_KEY_SIZE_RANGE/);
    await expectHsmError("internal", hsm.keyPairs.generateDataKeyPair(key, "ECC_NIST_P256", utf8("aad"), "both"));
    rmSync(join(config.folder, "no-key-pairs"));
    await hsm.keyPairs.generateDataKeyPair(key, "ECC_NIST_P256", utf8("aad"), "both");
    expect(hsm.workerPids).toEqual(workers);
  });
});

describe("a token", () => {
  const open = async (options: Partial<SoftToken> = {}) => {
    const config = { ...(await token()), workers: 2, deadline, ...options };
    await driver.init(config);
    const hsm = await openSoft(config);
    await until(() => hsm.workerPids.length === 2);
    return { config, hsm, key: await newKey(hsm) };
  };

  it("that is away for less than a deadline fails no call", async () => {
    const { config, hsm, key } = await open();
    const load = startLoad(hsm, key, inFlight);
    await load.progress(50);
    const tokens = join(config.folder, "tokens");
    renameSync(tokens, `${tokens}-away`);
    for (const pid of hsm.workerPids) process.kill(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await hsm.health()).toMatchObject({ ok: false });
    renameSync(`${tokens}-away`, tokens);
    await until(async () => (await hsm.health()).ok);
    await load.progress(50);
    expect(await load.stop()).toEqual([]);
    await hsm.close();
  });

  it("that is initialised anew serves nothing more, and is not taken for the one that it was", async () => {
    const { config, hsm, key } = await open({ deadline: 2_000 });
    const serial = config.uri.match(/serial=(\w+)/)?.[1] as string;
    const [pin, soPin] = [pinOf(config), readFileSync(join(config.folder, "so-pin"), "utf8")];
    softHsm2Util(
      config,
      "--init-token",
      "--serial",
      serial,
      "--label",
      "kms",
      "--pin",
      pin,
      "--so-pin",
      soPin,
      "--force",
    );
    await until(async () => !(await hsm.health()).ok);
    await until(async () => !(await works(hsm, key)()));
    await expectHsmError("unavailable", newKey(hsm));
    await hsm.close();
  });

  it("whose PIN is changed serves on; a new worker tries the old PIN once, and the new one when it is given", async () => {
    const { config, hsm, key } = await open();
    const load = startLoad(hsm, key, inFlight);
    const [old, fresh] = [pinOf(config), "another-pin-0123456789"];
    pkcs11Tool(config, "--login", "--pin", old, "--change-pin", "--new-pin", fresh);
    process.kill(hsm.workerPids[0] as number, "SIGKILL");
    await until(() => readdirSync(config.folder).some((name) => name.startsWith("pin-refused-")));
    await load.progress(50);
    const file = join(config.folder, "pin");
    writeFileSync(file, fresh);
    utimesSync(file, new Date(), new Date(Date.now() + 1000));
    await until(() => hsm.workerPids.length === 2);
    expect(await load.stop()).toEqual([]);
    await hsm.close();
  });

  it("is found in another slot, and by its serial number among others of its label", async () => {
    const { config, hsm, key } = await open();
    const load = startLoad(hsm, key, inFlight);
    for (const label of ["other", "kms"]) {
      softHsm2Util(config, "--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin", "87654321");
    }
    const before = hsm.workerPids;
    for (const pid of before) process.kill(pid, "SIGKILL");
    await until(() => hsm.workerPids.length === 2 && !hsm.workerPids.some((pid) => before.includes(pid)));
    await load.progress(50);
    expect(await load.stop()).toEqual([]);
    const anyKms = config.uri.replace(/;serial=\w+/, "");
    await expect(driver.open({ ...config, uri: anyKms })).rejects.toThrow(/2 tokens answer/);
    await hsm.close();
  });
});

describe.each<[string, () => Promise<OwnToken>]>([
  ["SoftHSM2", token],
  ["NSS", nss],
])("a worker of %s that is logged out, and then shown no objects", (_, fresh) => {
  it("takes none of them for gone: another worker finds them", async () => {
    const config = { ...withFaults(await fresh()), wrapping: "resident" } as const;
    const loggedOut = () => writeFileSync(join(config.folder, "logged-out-at-find"), "");
    await driver.init(config);
    const hsm = await openSoft(config);
    await hsm.writeAnchor(utf8("anchor"));
    loggedOut();
    expect(await hsm.readAnchor()).toEqual(utf8("anchor"));
    const kept = await newKey(hsm);
    loggedOut();
    await encrypt(hsm, kept);
    await hsm.close();

    // Nothing of administration is asked for twice.
    const admin = await driver.openAdmin(config);
    loggedOut();
    await expectHsmError("unavailable", admin.residentKeys());
    expect(readdirSync(config.folder)).not.toContain("logged-out-at-find");
    await admin.close();
  });
});

it("a token with 10,000 objects of others serves, and its workers are replaced", async () => {
  const config = { ...(await inMemory()), workers: 2 };
  const script = `
    const { default: pkcs11js } = await import("pkcs11js");
    const module = new pkcs11js.PKCS11();
    module.load(${JSON.stringify(softHsm2())});
    module.C_Initialize({ flags: 2 });
    const session = module.C_OpenSession(module.C_GetSlotList(true)[0], 6);
    module.C_Login(session, 1, ${JSON.stringify(pinOf(config))});
    for (let i = 0; i < 10_000; i++) {
      module.C_CreateObject(session, [
        { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_DATA },
        { type: pkcs11js.CKA_TOKEN, value: true },
        { type: pkcs11js.CKA_PRIVATE, value: false },
        { type: pkcs11js.CKA_LABEL, value: "stale" },
      ]);
    }
  `;
  execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, ...config.environment },
    cwd: import.meta.dirname,
  });
  await driver.init(config);
  const hsm = await openSoft(config);
  await until(() => hsm.workerPids.length === 2);
  const load = startLoad(hsm, await newKey(hsm), inFlight);
  const [killed] = hsm.workerPids as [number];
  process.kill(killed, "SIGKILL");
  await until(() => hsm.workerPids.length === 2 && hsm.workerPids.every(isAlive));
  await load.progress(50);
  expect(await load.stop()).toEqual([]);
  await hsm.close();
});
