import { createHmac, hash, randomUUID } from "node:crypto";
import { canonicalRequest, stringToSign } from "../sigv4/canonical.ts";

export interface Signer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const region = "us-east-1";
const service = "kms";

/** A request as the AWS SDK for JavaScript writes it, signed now: the text that goes over the wire. */
export function signedRequest(host: string, operation: string, body: string, signer: Signer): string {
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const date = timestamp.slice(0, 8);
  const bodyHash = hash("sha256", body);
  const signed = new Map([
    ["amz-sdk-invocation-id", randomUUID()],
    ["amz-sdk-request", "attempt=1; max=3"],
    ["content-length", String(body.length)],
    ["content-type", "application/x-amz-json-1.1"],
    ["host", host],
    ["x-amz-content-sha256", bodyHash],
    ["x-amz-date", timestamp],
    ["x-amz-target", `TrentService.${operation}`],
    ["x-amz-user-agent", "aws-sdk-js/3.1162.0"],
  ]);
  const names = [...signed.keys()];
  const canonical = canonicalRequest({ method: "POST", path: "/", query: "", headers: signed }, names, bodyHash);
  const signature = hmac(signingKey(signer, date), stringToSign({ timestamp, date, region, service }, canonical));
  const credential = `${signer.accessKeyId}/${date}/${region}/${service}/aws4_request`;
  const lines = [
    "POST / HTTP/1.1",
    ...Array.from(signed, ([name, value]) => `${name}: ${value}`),
    "user-agent: aws-sdk-js/3.1162.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#26.10.0 api/kms#3.1162.0 m/N,E,e",
    `authorization: AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${signature.toHex()}`,
    "Connection: keep-alive",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

const signingKey = ({ secretAccessKey }: Signer, date: string): Uint8Array =>
  [date, region, service, "aws4_request"].reduce<Uint8Array>(hmac, new TextEncoder().encode(`AWS4${secretAccessKey}`));

const hmac = (key: Uint8Array, text: string): Uint8Array => createHmac("sha256", key).update(text).digest();
