import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pkcs11js from "pkcs11js";
import { concat, fromBase64, fromHex, fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { developmentFiles, readDevelopmentHome } from "../../src/development.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/index.ts";
import { HsmSet } from "../../src/hsm/hsm-set.ts";
import { type HsmConfig, mainHsm, type SoftConfig } from "../../src/hsm/index.ts";
import { softHsm2 } from "../../src/hsm/pkcs11/provision.ts";
import { Domain } from "../../src/hsm/soft/domain.ts";
import { headerLength, sealingKeys } from "../../src/hsm/soft/root.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { parseBarrier } from "../../src/store/barrier.ts";
import { openSealed } from "../../src/store/sealed.ts";
import { openSqlite } from "../../src/store/sqlite/sqlite.ts";

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

export type Secrets = Readonly<Record<string, Secret>>;

/** The secret was made by another process; this one has derived the keys of the day from it, inside its HSM. */
export function signatureSecrets(secret: string): Secrets {
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
export async function softSecrets(config: SoftConfig, storeFile: string): Promise<Secrets> {
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

export async function softHsm2Secrets(home: string): Promise<Secrets> {
  const engine = await openEngine("node");
  const files = developmentFiles(home);
  const { hbk, recordKey } = await storedTokens(readDevelopmentHome(files.home).hsm, files.store, engine);
  const folder = files.hsm;
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
  const hsms = await HsmSet.open(mainHsm(config));
  const inner = await openSqlite(storeFile);
  const barrier = parseBarrier((await inner.get("barrier"))?.value as Uint8Array);
  const recordKey = await hsms.primary.hsm.release(barrier.records[0]?.[0] as Uint8Array);
  const store = await openSealed(inner, hsms, engine);
  const [stored] = await store.list("hbk/");
  const { ekt } = JSON.parse(fromUtf8(stored?.value as Uint8Array)) as { ekt: string };
  await store.close();
  await hsms.close();
  return { hbk: fromBase64(ekt) as Uint8Array, recordKey };
}
