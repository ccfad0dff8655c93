import type { Recipient } from "../attestation/attestation.ts";
import type { AttestedDocument } from "../attestation/document.ts";
import type { Bytes } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { wipe } from "../base/secret.ts";
import type { Call } from "../kms/call.ts";
import type { Kms } from "../kms/kms.ts";
import type { TypeOf } from "../model/shape.ts";
import type { recipient } from "./members.ts";
import type { secretMembers } from "./operation.ts";

/** The attested environment that the answer is for; undefined: the caller itself. The event tells of it. */
export function attested(kms: Kms, call: Call, given: TypeOf<typeof recipient> | undefined): Recipient | undefined {
  if (!given) return undefined;
  if (!given.KeyEncryptionAlgorithm || !given.AttestationDocument) {
    throw new KmsError("ValidationException", "recipient");
  }
  const found = kms.recipient(given.AttestationDocument);
  call.tellsRecipient(told(found.document));
  return found;
}

/** What policies can ask of the environment (Developer Guide, "Condition keys for attested platforms"). */
export function recipientConditions(found: Recipient | undefined): readonly (readonly [string, string])[] {
  if (!found) return [];
  const { kind, pcrs } = found.document;
  const name = kind === "enclave" ? "PCR" : "NitroTPMPCR";
  const conditions = [...pcrs].map(([number, value]): [string, string] => [`${name}${number}`, value]);
  const image = kind === "enclave" ? pcrs.get(0) : undefined;
  if (image !== undefined) conditions.push(["ImageSha384", image]);
  return conditions.map(([key, value]) => [`kms:RecipientAttestation:${key}`, value]);
}

/** The plaintext in the member that is for it; or, for a recipient, its envelope, and the plaintext is wiped. */
export function answerTo(found: Recipient | undefined, member: SecretMember, plaintext: Bytes): Record<string, Bytes> {
  if (!found) return { [member]: plaintext };
  try {
    return { CiphertextForRecipient: found.envelop(plaintext) };
  } finally {
    wipe(plaintext);
  }
}

type SecretMember = (typeof secretMembers)[number];

/** Registers that CloudTrail shows (Developer Guide, "CloudTrail log entries for Nitro enclaves"). */
const toldRegisters = [1, 2, 3, 4, 8];

function told({ moduleId, kind, pcrs }: AttestedDocument): Record<string, string> {
  const numbers = kind === "enclave" ? toldRegisters : [...pcrs.keys()];
  const name = kind === "enclave" ? "attestationDocumentEnclavePCR" : "attestationDocumentNitroTPMPCR";
  const registers = numbers.flatMap((number): [string, string][] => {
    const value = pcrs.get(number);
    return value === undefined ? [] : [[`${name}${number}`, value]];
  });
  const image = kind === "enclave" ? pcrs.get(0) : undefined;
  return {
    attestationDocumentModuleId: moduleId,
    ...(image !== undefined && { attestationDocumentEnclaveImageDigest: image }),
    ...Object.fromEntries(registers),
  };
}
