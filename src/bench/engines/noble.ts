import { concat } from "../../base/bytes.ts";
import { type Contender, counter, type Operands } from "./contender.ts";

/** The HMAC is kept with its key absorbed, and cloned. Throws where the packages are not installed. */
export async function openNoble(): Promise<Contender> {
  const [{ gcm }, { hmac }, { sha256 }] = await Promise.all([
    import("@noble/ciphers/aes.js"),
    import("@noble/hashes/hmac.js"),
    import("@noble/hashes/sha2.js"),
  ]);
  const derivation = ({ hbk, fixedInput }: Operands) => {
    const keyed = hmac.create(sha256, hbk);
    const input = concat(counter, fixedInput);
    return () => keyed.clone().update(input).digest();
  };
  return {
    name: "noble",
    asynchronous: false,
    benches: {
      "kms-encrypt": (operands) => {
        const derive = derivation(operands);
        const { iv, aad, plaintext } = operands;
        return () => gcm(derive(), iv, aad).encrypt(plaintext);
      },
      "kms-decrypt": (operands) => {
        const derive = derivation(operands);
        const { iv, aad, sealedByDerived } = operands;
        return () => gcm(derive(), iv, aad).decrypt(sealedByDerived);
      },
      "gcm-seal":
        ({ key, iv, aad, plaintext }) =>
        () =>
          gcm(key, iv, aad).encrypt(plaintext),
      "gcm-open":
        ({ key, iv, aad, sealed }) =>
        () =>
          gcm(key, iv, aad).decrypt(sealed),
    },
  };
}
