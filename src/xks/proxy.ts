import { hash } from "node:crypto";
import { type Bytes, base64, concat, equalBytes, fromBase64, fromUtf8, utf8 } from "../base/bytes.ts";
import { externalIvLengths, externalTagLength, metadataLimit } from "../model/external-ciphertext.ts";
import { canonicalRequest, stringToSign } from "../sigv4/canonical.ts";
import type { KeySource, SigningKeys } from "../sigv4/signing-keys.ts";
import { proxyErrorNames, XksError } from "./failure.ts";
import type { XksTransport } from "./transport.ts";

/** Where a proxy is and how requests to it are signed. */
export interface ProxyPlace {
  /** `https://` and a host name. */
  readonly endpoint: string;
  /** Ends with `/kms/xks/v1`. */
  readonly path: string;
  readonly accessKeyId: string;
  readonly credential: KeySource;
  readonly region: string;
}

/** On whose behalf: for the proxy's log and its own authorization. */
export interface RequestMetadata {
  readonly kmsOperation: string;
  readonly kmsRequestId: string;
  readonly awsPrincipalArn?: string;
  readonly kmsKeyArn?: string;
}

export interface ExternallyEncrypted {
  readonly ciphertext: Bytes;
  /** At most 20 bytes; empty when the proxy gave none. */
  readonly metadata: Bytes;
  readonly iv: Bytes;
  readonly tag: Bytes;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * An external key store proxy, version 1 of its API (AWS, "External Key Store Proxy API Specification"). Every failure is
 * an XksError; every answer is held against the specification.
 */
export class XksProxy {
  readonly #place: ProxyPlace;
  readonly #transport: XksTransport;
  readonly #keys: SigningKeys;

  constructor(place: ProxyPlace, transport: XksTransport, keys: SigningKeys) {
    this.#place = place;
    this.#transport = transport;
    this.#keys = keys;
  }

  /** Resolves when the proxy answers well and at least one key manager behind it can serve. */
  async checkHealth(requestMetadata: RequestMetadata): Promise<void> {
    const { xksProxyFleetSize, ekmFleetDetails, ...answer } = await this.#ask("/health", { requestMetadata });
    const named = ["xksProxyVendor", "xksProxyModel", "ekmVendor"].every((name) => typeof answer[name] === "string");
    if (!Number.isInteger(xksProxyFleetSize) || (xksProxyFleetSize as number) < 1 || !named) malformed();
    if (!Array.isArray(ekmFleetDetails) || ekmFleetDetails.length < 1 || ekmFleetDetails.length > 10) malformed();
    const states = ekmFleetDetails.map((manager) => (manager as Json | null)?.["healthStatus"]);
    if (!states.every((state) => ["ACTIVE", "DEGRADED", "UNAVAILABLE"].includes(state as string))) malformed();
    if (states.every((state) => state === "UNAVAILABLE")) throw new XksError("no key manager");
  }

  /** Whether the external key is an enabled AES-256 key that encrypts and decrypts. */
  async isUsable(keyId: string, requestMetadata: RequestMetadata): Promise<boolean> {
    const answer = await this.#ask(pathOf(keyId, "metadata"), { requestMetadata });
    const { keySpec, keyUsage, keyStatus } = answer;
    if (typeof keySpec !== "string" || !Array.isArray(keyUsage) || keyUsage.length > 10) malformed();
    if (keyStatus !== "ENABLED" && keyStatus !== "DISABLED") malformed();
    const both = keyUsage.includes("ENCRYPT") && keyUsage.includes("DECRYPT");
    return keySpec === "AES_256" && both && keyStatus === "ENABLED";
  }

  /** The proxy vouches by a hash over everything that it will decrypt what it has encrypted. */
  async encrypt(
    keyId: string,
    requestMetadata: RequestMetadata,
    plaintext: Bytes,
    aad: Bytes,
  ): Promise<ExternallyEncrypted> {
    const answer = await this.#ask(pathOf(keyId, "encrypt"), {
      requestMetadata,
      additionalAuthenticatedData: base64(aad),
      plaintext: base64(plaintext),
      encryptionAlgorithm: "AES_GCM",
      ciphertextDataIntegrityValueAlgorithm: "SHA_256",
    });
    const ciphertext = octets(answer, "ciphertext");
    const metadata = answer["ciphertextMetadata"] == null ? noBytes : octets(answer, "ciphertextMetadata");
    const iv = octets(answer, "initializationVector");
    const tag = octets(answer, "authenticationTag");
    const sized = ciphertext.length === plaintext.length && tag.length === externalTagLength;
    if (!sized || !externalIvLengths.includes(iv.length) || metadata.length > metadataLimit) malformed();
    const integrity = hash("sha256", concat(aad, metadata, iv, ciphertext, tag), "buffer");
    if (!equalBytes(integrity, octets(answer, "ciphertextDataIntegrityValue"))) malformed();
    return { ciphertext, metadata, iv, tag };
  }

  async decrypt(
    keyId: string,
    requestMetadata: RequestMetadata,
    { ciphertext, metadata, iv, tag }: ExternallyEncrypted,
    aad: Bytes,
  ): Promise<Bytes> {
    const answer = await this.#ask(pathOf(keyId, "decrypt"), {
      requestMetadata,
      additionalAuthenticatedData: base64(aad),
      ciphertext: base64(ciphertext),
      ...(metadata.length > 0 && { ciphertextMetadata: base64(metadata) }),
      encryptionAlgorithm: "AES_GCM",
      initializationVector: base64(iv),
      authenticationTag: base64(tag),
    });
    const plaintext = octets(answer, "plaintext");
    return plaintext.length === ciphertext.length ? plaintext : malformed();
  }

  async #ask(operation: string, request: Json): Promise<Json> {
    const { endpoint, path } = this.#place;
    const host = endpoint.slice("https://".length);
    const body = utf8(JSON.stringify(request));
    const uri = `${path}${operation}`;
    const { status, body: answered } = await this.#transport.post(host, uri, () => this.#sign(host, uri, body), body);
    const answer = parse(answered);
    if (status === 200) return answer;
    const name = proxyErrorNames.find((known) => known === answer["errorName"]);
    throw new XksError(name ?? "malformed");
  }

  async #sign(host: string, path: string, body: Bytes): Promise<Record<string, string>> {
    const { accessKeyId, credential, region } = this.#place;
    const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
    const scope = { timestamp, date: timestamp.slice(0, 8), region, service: "kms-xks-proxy", accessKeyId };
    const headers = new Map([
      ["host", host],
      ["x-amz-date", timestamp],
    ]);
    const signed = [...headers.keys()];
    const canonical = canonicalRequest({ method: "POST", path, query: "", headers }, signed, hash("sha256", body));
    const signature = await this.#keys.sign(scope, credential, stringToSign(scope, canonical));
    const claim = `${accessKeyId}/${scope.date}/${region}/${scope.service}/aws4_request`;
    return {
      "Content-Type": "application/json",
      "X-Amz-Date": timestamp,
      Authorization: `AWS4-HMAC-SHA256 Credential=${claim}, SignedHeaders=${signed.join(";")}, Signature=${signature}`,
    };
  }
}

/** The specification allows dots in the ids of keys; two of them alone would make of it, and sign, another path. */
function pathOf(keyId: string, operation: "metadata" | "encrypt" | "decrypt"): string {
  if (/^\.{1,2}$/.test(keyId)) throw new XksError("KeyNotFoundException");
  return `/keys/${keyId}/${operation}`;
}

const noBytes: Bytes = new Uint8Array(0);

function parse(body: Bytes): Json {
  try {
    const answer: unknown = JSON.parse(fromUtf8(body));
    if (typeof answer === "object" && answer !== null && !Array.isArray(answer)) return answer as Json;
  } catch {
    // Neither JSON nor UTF-8: as malformed as JSON of another kind.
  }
  return malformed();
}

function octets(answer: Json, name: string): Bytes {
  const text = answer[name];
  return (typeof text === "string" ? fromBase64(text) : undefined) ?? malformed();
}

function malformed(): never {
  throw new XksError("malformed");
}
