import { hash, timingSafeEqual } from "node:crypto";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { KmsError } from "../base/errors.ts";
import { canonicalRequest, stringToSign, type WireRequest } from "../sigv4/canonical.ts";
import { type KeySource, SigningKeys } from "../sigv4/signing-keys.ts";
import { type Authorization, type Claim, claimText, readAuthorization } from "./authorization.ts";
import type { Headers } from "./headers.ts";

const fiveMinutes = 5 * 60 * 1000;
const claimLimit = 1000;

export interface VerifierOptions<Credential extends KeySource> {
  readonly service: string;
  readonly regions: ReadonlySet<string>;
  readonly clock: Clock;
  /** Undefined: nobody who may sign. The token is that of `X-Amz-Security-Token`. */
  readonly find: (accessKeyId: string, sessionToken: string | undefined) => Promise<Credential | undefined>;
  /** False as with S3 only, see `canonicalRequest`. */
  readonly normalizePath?: boolean;
}

export interface Signer<Credential> {
  readonly credential: Credential;
  /** One of the regions served. */
  readonly region: string;
}

/** Verifies AWS Signature Version 4 in the `Authorization` header; presigned queries are not accepted. */
export class SigV4Verifier<Credential extends KeySource> {
  readonly #options: VerifierOptions<Credential>;
  readonly #keys: SigningKeys;
  /** Of verified requests only: strangers cannot fill it. */
  readonly #claims = new Map<string, Claim>();

  constructor(options: VerifierOptions<Credential>) {
    this.#options = options;
    this.#keys = new SigningKeys(options.clock);
  }

  /**
   * Who signed `request`. The checks come in the order of their cost: what a stranger can send is refused before the
   * credential is looked up, and an unknown credential before the HSM is asked.
   * @throws KmsError with the codes and texts of AWS; failures of `find` and `kDate`
   */
  async verify(request: WireRequest, body: Bytes): Promise<Signer<Credential>> {
    const { headers } = request;
    const authorization = readAuthorization(headers, this.#claims);
    this.#checkScope(authorization);
    this.#checkTime(authorization.timestamp);
    checkSignedHeaders(headers, authorization.signedHeaders);
    const bodyHash = hash("sha256", body);
    const claimed = headers.get("x-amz-content-sha256");
    if (claimed !== undefined && claimed !== bodyHash) {
      throw new KmsError("InvalidSignatureException", "body");
    }
    const credential = await this.#options.find(authorization.accessKeyId, headers.get("x-amz-security-token"));
    if (!credential) {
      throw new KmsError("UnrecognizedClientException", "token");
    }
    const canonical = canonicalRequest(request, authorization.signedHeaders, bodyHash, this.#options.normalizePath);
    const expected = await this.#keys.sign(authorization, credential, stringToSign(authorization, canonical));
    if (!timingSafeEqual(Buffer.from(expected), Buffer.from(authorization.signature))) {
      throw new KmsError("InvalidSignatureException", "signature");
    }
    this.#remember(claimText(headers.get("authorization") as string), authorization);
    return { credential, region: authorization.region };
  }

  /** Wipes the signing keys. */
  close(): void {
    this.#keys.clear();
  }

  #remember(text: string, { accessKeyId, date, region, service, signedHeaders }: Authorization): void {
    if (this.#claims.has(text)) return;
    if (this.#claims.size >= claimLimit) this.#claims.clear();
    this.#claims.set(text, { accessKeyId, date, region, service, signedHeaders });
  }

  #checkScope({ region, service, date, timestamp }: Authorization): void {
    const ours = this.#options;
    if (!ours.regions.has(region)) throw new KmsError("InvalidSignatureException", "region");
    if (service !== ours.service) throw new KmsError("InvalidSignatureException", "service", { service: ours.service });
    if (!timestamp.startsWith(`${date}T`)) throw new KmsError("InvalidSignatureException", "date");
  }

  #checkTime(timestamp: string): void {
    const time = instantOf(timestamp);
    if (time === undefined) throw new KmsError("IncompleteSignatureException", "date");
    const now = this.#options.clock.real();
    const values = (limit: number) => ({ time: timestamp, limit: basicFormat(limit), now: basicFormat(now) });
    const [earliest, latest] = [now - fiveMinutes, now + fiveMinutes];
    if (time < earliest) throw new KmsError("InvalidSignatureException", "expired", values(earliest));
    if (time > latest) throw new KmsError("InvalidSignatureException", "early", values(latest));
  }
}

/**
 * `host` and every `x-amz-*` header must be signed: with `x-amz-target` unsigned, a captured body would serve another
 * operation.
 */
function checkSignedHeaders(headers: Headers, signed: readonly string[]): void {
  for (let i = 1; i < signed.length; i++) {
    if ((signed[i - 1] as string) >= (signed[i] as string)) {
      throw new KmsError("InvalidSignatureException", "order");
    }
  }
  if (!signed.includes("host")) throw new KmsError("InvalidSignatureException", "host");
  if (!signed.every((name) => headers.has(name))) throw new KmsError("InvalidSignatureException", "absent");
  for (const name of headers.keys()) {
    if (name.startsWith("x-amz-") && !signed.includes(name)) {
      throw new KmsError("InvalidSignatureException", "unsigned", { name: name.slice(0, 64) });
    }
  }
}

let last: { readonly text: string; readonly time: number | undefined } = { text: "", time: undefined };

/** Most requests come in the second of the one before. */
function instantOf(text: string): number | undefined {
  if (text !== last.text) last = { text, time: instant(text) };
  return last.time;
}

const timestampPattern = /^(\d{4})(0[1-9]|1[0-2])(\d\d)T([01]\d|2[0-3])([0-5]\d)([0-5]\d)Z$/;

/** Milliseconds since the epoch of YYYYMMDDTHHMMSSZ; undefined when `text` is no such time. */
function instant(text: string): number | undefined {
  const fields = timestampPattern.exec(text);
  if (!fields) return undefined;
  const [year, month, day, hour, minute, second] = fields.slice(1).map(Number) as [number, number, number, ...number[]];
  const time = Date.UTC(year, month - 1, day, hour, minute, second);
  // Date.UTC carries: 30 February would be 2 March.
  return new Date(time).getUTCDate() === day ? time : undefined;
}

const basicFormat = (time: number): string => new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "");
