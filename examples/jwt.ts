/** A JWT signed by a key that never leaves the HSM: `node examples/jwt.ts hsm.json` (the file: see encrypt.ts). */
import { readFileSync } from "node:fs";
import { exportJWK, jwtVerify, SignJWT } from "jose";
import { openHsm } from "strongroom/hsm";

await using hsm = await openHsm(JSON.parse(readFileSync(process.argv[2] ?? "hsm.json", "utf8")));
// jose signs by the WebCrypto of the program. With this one, keys of the HSM sign in it, and all others as before.
Object.defineProperty(globalThis, "crypto", { value: hsm.crypto });

const pair = await hsm.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
// The key as a program keeps it, for this HSM alone to open; the next start imports it.
const token = await hsm.subtle.exportKey("token", pair.privateKey);
const key = await hsm.subtle.importKey("token", token, pair.privateKey.algorithm, false, ["sign"]);

const jwt = await new SignJWT({ scope: "read" })
  .setProtectedHeader({ alg: "ES256" })
  .setSubject("user-7")
  .setExpirationTime("5m")
  .sign(key);
console.log(jwt);
console.log(JSON.stringify(await exportJWK(pair.publicKey)));
console.log((await jwtVerify(jwt, pair.publicKey)).payload.sub);
