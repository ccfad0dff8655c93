/**
 * The same code on any HSM: `node examples/encrypt.ts hsm.json`, where the file holds a configuration
 * ({"driver": "soft", "directory": …, "keyFile": …}), or a PKCS#11 URI instead of it ("pkcs11:token=…").
 */
import { readFileSync } from "node:fs";
import { ConfigError, initHsm, keyMeta, openHsm } from "strongroom/hsm";

const named = JSON.parse(readFileSync(process.argv[2] ?? "hsm.json", "utf8"));
await initHsm(named).catch((error) => {
  // It has its domain key already.
  if (!(error instanceof ConfigError)) throw error;
});
await using hsm = await openHsm(named);
console.log(`${hsm.info.manufacturer} ${hsm.info.model}`);

const utf8 = (text: string) => new TextEncoder().encode(text);
const context = utf8("customer=42");
// What a program keeps: the key token, which this HSM alone can open, and the ciphertext.
const key = await hsm.generateKey(keyMeta("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"));
const ciphertext = await hsm.encrypt(key, "SYMMETRIC_DEFAULT", utf8("a secret"), context);

// null: not authentic under this key and context.
const plaintext = await hsm.decrypt(key, "SYMMETRIC_DEFAULT", ciphertext, context);
console.log(plaintext && new TextDecoder().decode(plaintext));
