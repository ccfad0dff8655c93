import type { Bytes } from "../../base/bytes.ts";
import { secret, wipe } from "../../base/secret.ts";
import { load } from "../../engine/native/addon.ts";
import { open } from "../../engine/native/engine.ts";
import type { Contender } from "./contender.ts";
import { contenderOf } from "./ours.ts";

/** Throws where the addon is not built. */
export const openNative = async (): Promise<Contender> => contenderOf("native", await open());

/** What the addon does without a result to allocate. */
export function openNativeGivenBuffer(): Contender {
  const addon = load();
  const key = secret(32);
  const done = (status: number, into: Bytes): Bytes => {
    if (status !== into.length) throw new Error(`the native engine answered ${status}`);
    return into;
  };
  return {
    name: "native, given buffer",
    asynchronous: false,
    benches: {
      "kms-encrypt": ({ hbk, fixedInput, iv, aad, plaintext, sealed }) => {
        const into = new Uint8Array(sealed.length);
        return () => {
          done(addon.kbkdf(hbk, fixedInput, key), key);
          const status = addon.gcmSeal(key, iv, aad, plaintext, into);
          wipe(key);
          return done(status, into);
        };
      },
      "kms-decrypt": ({ hbk, fixedInput, iv, aad, plaintext, sealedByDerived }) => {
        const into = new Uint8Array(plaintext.length);
        return () => {
          done(addon.kbkdf(hbk, fixedInput, key), key);
          const status = addon.gcmOpen(key, iv, aad, sealedByDerived, into);
          wipe(key);
          return done(status, into);
        };
      },
      "gcm-seal": ({ key, iv, aad, plaintext, sealed }) => {
        const into = new Uint8Array(sealed.length);
        return () => done(addon.gcmSeal(key, iv, aad, plaintext, into), into);
      },
      "gcm-open": ({ key, iv, aad, plaintext, sealed }) => {
        const into = new Uint8Array(plaintext.length);
        return () => done(addon.gcmOpen(key, iv, aad, sealed, into), into);
      },
    },
  };
}
