import { webcrypto } from "node:crypto";
import { type Bytes, concat } from "../../base/bytes.ts";
import { type Contender, counter, type Operands } from "./contender.ts";

type Subtle = Pick<typeof webcrypto.subtle, "importKey" | "sign" | "encrypt" | "decrypt">;

export const webCrypto: Contender = contender("WebCrypto", webcrypto.subtle);

/** Throws where the package is not installed. */
export async function openPeculiar(): Promise<Contender> {
  const { Crypto } = await import("@peculiar/webcrypto");
  return contender("@peculiar/webcrypto", new Crypto().subtle as Subtle);
}

/** The HMAC key is kept as a CryptoKey. */
function contender(name: string, subtle: Subtle): Contender {
  const derivation = async ({ hbk, fixedInput }: Operands) => {
    const key = await subtle.importKey("raw", own(hbk), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const input = own(concat(counter, fixedInput));
    return () => subtle.sign("HMAC", key, input);
  };
  const seal = async (raw: Bytes | ArrayBuffer, { iv, aad, plaintext }: Operands) => {
    const key = await subtle.importKey("raw", raw as ArrayBuffer, "AES-GCM", false, ["encrypt"]);
    return new Uint8Array(await subtle.encrypt(parameters(iv, aad), key, own(plaintext)));
  };
  const open = async (raw: Bytes | ArrayBuffer, { iv, aad }: Operands, sealed: Bytes) => {
    const key = await subtle.importKey("raw", raw as ArrayBuffer, "AES-GCM", false, ["decrypt"]);
    return new Uint8Array(await subtle.decrypt(parameters(iv, aad), key, own(sealed)));
  };
  return {
    name,
    asynchronous: true,
    benches: {
      "kms-encrypt": async (operands) => {
        const derive = await derivation(operands);
        return async () => seal(await derive(), operands);
      },
      "kms-decrypt": async (operands) => {
        const derive = await derivation(operands);
        return async () => open(await derive(), operands, operands.sealedByDerived);
      },
      "gcm-seal": (operands) => () => seal(operands.key, operands),
      "gcm-open": (operands) => () => open(operands.key, operands, operands.sealed),
    },
  };
}

const parameters = (iv: Bytes, aad: Bytes) => ({ name: "AES-GCM", iv: own(iv), additionalData: own(aad) });

/** The types of WebCrypto exclude shared memory, of which there is none here. */
const own = (bytes: Bytes) => bytes as Uint8Array<ArrayBuffer>;
