import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { decode, encode } from "cborg";
import { type Bytes, hex } from "../base/bytes.ts";
import type { AttestationProblem } from "../base/message.ts";
import { attestationProblems } from "../base/messages.ts";

/** What is wrong with a document; `message` completes a sentence and repeats nothing of it. */
export class AttestationError extends Error {
  override readonly name = "AttestationError";

  constructor(problem: AttestationProblem, options?: ErrorOptions) {
    super(attestationProblems[problem], options);
  }
}

/** What an authentic document says. */
export interface AttestedDocument {
  /** Of an instance or enclave. */
  readonly moduleId: string;
  /** Milliseconds. */
  readonly timestamp: number;
  /** A Nitro enclave, or an instance with a NitroTPM. */
  readonly kind: "enclave" | "nitroTpm";
  /** Platform configuration registers by number, lower-case hexadecimal. */
  readonly pcrs: ReadonlyMap<number, string>;
  /** RSA, 2048 to 4096 bits; absent when the document has no such key. */
  readonly publicKey: KeyObject | undefined;
}

export interface SignedDocument {
  /** DER, from the root to that of the signing key, which is the document's own. */
  readonly certificates: readonly Bytes[];
  /** What it says, if `key`, that of its last certificate, has signed it. */
  verify(key: KeyObject): AttestedDocument;
}

/** ES384 (RFC 9053 §2.1), the one algorithm of Nitro documents. */
const algorithm = -35;
/** COSE_Sign1 (RFC 9052 §4.2), with or without it. */
const coseSign1 = 18;

/**
 * Reads an attestation document: a COSE_Sign1 over CBOR, as the Nitro Enclaves attestation process specifies it
 * (sections 2.2, 3.1 and 3.2.2). Nothing of it is authentic before `verify`.
 */
export function parseDocument(bytes: Bytes): SignedDocument {
  const parts = readCbor(bytes);
  check(Array.isArray(parts) && parts.length === 4, "coseSign1");
  const [header, unprotected, payload, signature] = parts as unknown[];
  check(isBytes(header) && unprotected instanceof Map && isBytes(payload, 16_384), "coseSign1");
  check(isBytes(signature) && signature.length === 96, "signatureLength");
  const protectedHeader = readCbor(header);
  check(protectedHeader instanceof Map && protectedHeader.get(1) === algorithm, "signatureAlgorithm");
  const members = readCbor(payload);
  check(members instanceof Map, "payload");
  const bundle = members.get("cabundle");
  const certificate = members.get("certificate");
  check(Array.isArray(bundle) && bundle.length > 0 && bundle.length <= 10, "bundle");
  const certificates: unknown[] = [...bundle, certificate];
  check(
    certificates.every((item) => isBytes(item, 1024)),
    "certificates",
  );
  return {
    certificates,
    verify(key) {
      // Sig_structure, RFC 9052 §4.4.
      const signed = encode(["Signature1", header, new Uint8Array(), payload]);
      const p384 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "secp384r1";
      const valid = p384 && verify("sha384", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
      check(valid, "signature");
      return readMembers(members);
    },
  };
}

function readMembers(members: ReadonlyMap<unknown, unknown>): AttestedDocument {
  const [moduleId, timestamp] = [members.get("module_id"), members.get("timestamp")];
  check(typeof moduleId === "string" && moduleId !== "", "module");
  check(typeof timestamp === "number" && timestamp > 0, "time");
  check(members.get("digest") === "SHA384", "digest");
  const kind = members.has("pcrs") ? "enclave" : "nitroTpm";
  const pcrs = members.get(kind === "enclave" ? "pcrs" : "nitrotpm_pcrs");
  check(pcrs instanceof Map && pcrs.size > 0 && pcrs.size <= 32, "registers");
  const registers = [...(pcrs as Map<unknown, unknown>)].map(([number, value]): [number, string] => {
    check(Number.isInteger(number) && (number as number) >= 0 && (number as number) < 32, "registerNumber");
    check(isBytes(value) && [32, 48, 64].includes(value.length), "registerValue");
    return [number as number, hex(value)];
  });
  return { moduleId, timestamp, kind, pcrs: new Map(registers), publicKey: readPublicKey(members.get("public_key")) };
}

function readPublicKey(der: unknown): KeyObject | undefined {
  if (!isBytes(der, 1024)) return undefined;
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return key.asymmetricKeyType === "rsa" && bits >= 2048 && bits <= 4096 ? key : undefined;
  } catch {
    return undefined;
  }
}

const isBytes = (value: unknown, longest = Infinity): value is Bytes =>
  value instanceof Uint8Array && value.length > 0 && value.length <= longest;

function check(holds: boolean, problem: AttestationProblem): asserts holds {
  if (!holds) throw new AttestationError(problem);
}

function readCbor(bytes: Bytes): unknown {
  try {
    return decode(bytes, {
      useMaps: true,
      rejectDuplicateMapKeys: true,
      allowIndefinite: false,
      allowUndefined: false,
      tags: { [coseSign1]: (content) => content() },
    });
  } catch {
    // Nesting without end is a RangeError of the stack; all else is an Error of the library.
    throw new AttestationError("cbor");
  }
}
