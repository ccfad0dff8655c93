/**
 * A process of its own that uses a boundary, then waits to be looked at. Standard input: its fixture in JSON, secrets
 * masked, so that what is found unmasked was left by the native code. Answers "ready", ends with its input.
 */
import { createInterface } from "node:readline";
import { secretFrom, wipe } from "../../../src/base/secret.ts";
import { load } from "../../../src/engine/native/addon.ts";
import { NativeBoundary } from "../../../src/engine/native/boundary.ts";
import { NativeEngine } from "../../../src/engine/native/engine.ts";
import { parseEkt } from "../../../src/model/ekt.ts";
import { type Fixture, mask } from "./kept.ts";

const bytesOf = (text: string) => Uint8Array.fromHex(text);

function unmasked(text: string) {
  const bytes = secretFrom(bytesOf(text));
  return mask(bytes);
}

createInterface(process.stdin).once("line", (line) => {
  const { root, domainKeyId, sealed, ekt, sm4Ekt, aad, ciphertext, sm4Ciphertext, kek, wrapped } = JSON.parse(
    line,
  ) as Fixture;
  const boundary = new NativeBoundary(load());
  const engine = new NativeEngine(load());
  const key = unmasked(root);
  boundary.setRoot(key);
  wipe(key);
  const opened = boundary.openDomainKey(bytesOf(domainKeyId), bytesOf(sealed));
  for (let i = 0; i < 200; i++) {
    boundary.encrypt(bytesOf(ekt), bytesOf(aad), bytesOf(aad));
    boundary.rewrap(bytesOf(ekt), parseEkt(bytesOf(ekt)).head);
    const transportKey = unmasked(kek);
    boundary.wrapFor(bytesOf(ekt), transportKey);
    wipe(engine.kwpUnwrap(transportKey, bytesOf(wrapped)) ?? undefined, transportKey);
    const plaintext = boundary.decrypt(bytesOf(ekt), bytesOf(aad), bytesOf(ciphertext));
    const bySm4 = boundary.decrypt(bytesOf(sm4Ekt), bytesOf(aad), bytesOf(sm4Ciphertext));
    if (!opened || !plaintext || !bySm4) throw new Error("the fixture does not open");
    wipe(plaintext, bySm4);
  }
  console.log("ready");
  process.stdin.resume().on("end", () => boundary.close());
});
