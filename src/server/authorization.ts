import { KmsError } from "../base/errors.ts";
import { part } from "../base/message.ts";
import type { Headers } from "./headers.ts";

/** What of a client's signatures stays the same for a day: the whole header but the signature itself. */
export interface Claim {
  readonly accessKeyId: string;
  /** The credential scope: YYYYMMDD, region, service. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
}

/** What a request says about its signature: well-formed, but not yet believed. */
export interface Authorization extends Claim {
  /** 64 lower-case hexadecimal digits. */
  readonly signature: string;
  /** `X-Amz-Date`: YYYYMMDDTHHMMSSZ. */
  readonly timestamp: string;
}

/** In the order in which every SDK writes them. */
const pattern = /^AWS4-HMAC-SHA256 +Credential=([^,\s]*), *SignedHeaders=([^,\s]*), *Signature=([^,\s]*)$/;

/**
 * Reads the headers `Authorization` and `X-Amz-Date`.
 * @param known claims that need no reading, by `claimText`
 * @throws KmsError MissingAuthenticationTokenException, IncompleteSignatureException
 */
export function readAuthorization(headers: Headers, known?: ReadonlyMap<string, Claim>): Authorization {
  const header = headers.get("authorization");
  if (header === undefined) throw new KmsError("MissingAuthenticationTokenException", "token");
  const timestamp = headers.get("x-amz-date");
  if (timestamp === undefined) throw whatIsWrong(header, timestamp);
  const signature = header.slice(-signatureLength);
  const claim = known?.get(claimText(header)) ?? readClaim(header);
  if (!/^[0-9a-f]{64}$/.test(signature)) throw new KmsError("IncompleteSignatureException", "signature");
  return { ...claim, signature, timestamp };
}

const signatureLength = 64;

/** All of the header but its signature. */
export const claimText = (header: string): string => header.slice(0, -signatureLength);

function readClaim(header: string): Claim {
  const fields = pattern.exec(header);
  if (!fields) throw whatIsWrong(header, "");
  const [, credential, signedHeaders, signature] = fields as unknown as [string, string, string, string];
  const scope = credential.split("/");
  if (scope.length !== 5) throw new KmsError("IncompleteSignatureException", "scope");
  const [accessKeyId, date, region, service, terminator] = scope as [string, string, string, string, string];
  if (terminator !== "aws4_request") throw new KmsError("IncompleteSignatureException", "terminator");
  if (signature.length !== signatureLength) throw new KmsError("IncompleteSignatureException", "signature");
  return { accessKeyId, date, region, service, signedHeaders: signedHeaders.split(";") };
}

function whatIsWrong(header: string, timestamp: string | undefined): KmsError {
  if (!header.startsWith("AWS4-HMAC-SHA256 ")) return new KmsError("IncompleteSignatureException", "algorithm");
  const missing = ["Credential", "Signature", "SignedHeaders"]
    .filter((name) => !header.includes(`${name}=`))
    .map((name) => part("parameter", { name }));
  if (timestamp === undefined) missing.push(part("date", {}));
  return missing.length === 0
    ? new KmsError("IncompleteSignatureException", "order")
    : new KmsError("IncompleteSignatureException", "missing", { parts: missing.join(" ") });
}
