import { readFileSync } from "node:fs";
import type { Bytes } from "../base/bytes.ts";
import { ConfigError, KmsError } from "../base/errors.ts";
import { CertificateChains } from "./chain.ts";
import { AttestationError, type AttestedDocument, parseDocument } from "./document.ts";
import { envelop } from "./envelope.ts";

/** An attested environment. */
export interface Recipient {
  readonly document: AttestedDocument;
  /** CiphertextForRecipient: `plaintext`, which stays with its owner, under the key of the environment. */
  envelop(plaintext: Bytes): Bytes;
}

/** How old a document may be, and how far ahead its clock, in milliseconds; as signatures of requests. */
const tolerance = 5 * 60_000;

/**
 * Who may receive answers: environments whose documents are signed under one of the configured roots (AWS's
 * "Cryptographic attestation support in KMS"). What they have measured is for policies to look at.
 */
export class Attestation {
  readonly #chains: CertificateChains;

  constructor(roots: string) {
    this.#chains = new CertificateChains(roots);
  }

  /** ValidationException, with the reason, on anything but a document that is authentic now. */
  verify(document: Bytes, now = Date.now()): Recipient {
    try {
      const signed = parseDocument(document);
      const attested = signed.verify(this.#chains.verify(signed.certificates, now));
      if (Math.abs(now - attested.timestamp) > tolerance) throw new AttestationError("validity");
      const { publicKey } = attested;
      if (!publicKey) throw new AttestationError("publicKey");
      return { document: attested, envelop: (plaintext) => envelop(plaintext, publicKey) };
    } catch (error) {
      if (!(error instanceof AttestationError)) throw error;
      throw new KmsError("ValidationException", "attestation", { reason: error.message }, { cause: error });
    }
  }
}

/** `file`: certificates in PEM. */
export function openAttestation(file: string): Attestation {
  try {
    return new Attestation(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read: attestation roots are certificates in PEM`, { cause });
  }
}
