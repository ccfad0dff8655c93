import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hash } from "node:crypto";
import { type Bytes, concat } from "../../base/bytes.ts";
import { open } from "../../engine/node/engine.ts";
import { type Contender, counter, type Operands } from "./contender.ts";
import { fused } from "./ours.ts";

/** As its documentation shows it; the HMAC key is kept as a KeyObject. The fused operation is the reference engine's. */
export async function openNodeCrypto(): Promise<Contender> {
  const kms = withDerivation((hbk, input) => {
    const key = createSecretKey(hbk);
    return () => createHmac("sha256", key).update(input).digest();
  });
  return { name: "node:crypto", asynchronous: false, benches: { ...kms, ...gcm, ...fused(await open()) } };
}

/**
 * The fastest HMAC that can be had from it: two one-shot hashes over pads that are kept, with the key in the clear in them
 * (FIPS 198-1 §4).
 */
export const nodeCryptoTuned: Contender = {
  name: "node:crypto, tuned",
  asynchronous: false,
  benches: withDerivation((hbk, input) => {
    const pad = (byte: number): Bytes => Uint8Array.from({ length: 64 }, (_, i) => (hbk[i] ?? 0) ^ byte);
    const inner = concat(pad(0x36), input);
    const outer = concat(pad(0x5c), new Uint8Array(32));
    return () => {
      outer.set(hash("sha256", inner, "buffer"), 64);
      return hash("sha256", outer, "buffer");
    };
  }),
};

function withDerivation(prepare: (hbk: Bytes, input: Bytes) => () => Bytes): Contender["benches"] {
  const derivation = ({ hbk, fixedInput }: Operands) => prepare(hbk, concat(counter, fixedInput));
  return {
    "kms-encrypt": (operands) => {
      const derive = derivation(operands);
      return () => sealUnder(derive(), operands);
    },
    "kms-decrypt": (operands) => {
      const derive = derivation(operands);
      return () => openUnder(derive(), operands, operands.sealedByDerived);
    },
  };
}

const gcm: Contender["benches"] = {
  "gcm-seal": (operands) => () => sealUnder(operands.key, operands),
  "gcm-open": (operands) => () => openUnder(operands.key, operands, operands.sealed),
};

function sealUnder(key: Bytes, { iv, aad, plaintext }: Operands): Bytes {
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(aad);
  const sealed = new Uint8Array(plaintext.length + 16);
  sealed.set(cipher.update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

function openUnder(key: Bytes, { iv, aad }: Operands, sealed: Bytes): Bytes {
  const end = sealed.length - 16;
  const decipher = createDecipheriv("aes-256-gcm", key, iv);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  decipher.final();
  return plaintext;
}
