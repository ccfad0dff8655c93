import { createHash, createHmac } from "node:crypto";

export const accessKeyId = "AKIAIOSFODNN7EXAMPLE";
export const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
export const region = "eu-central-1";

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, data: string): Buffer => createHmac("sha256", key).update(data).digest();

export const kDate = (date: string): Buffer => hmac(`AWS4${secretAccessKey}`, date);

/** What a client may get wrong; everything has the right value unless it is given. */
export interface Signing {
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  /** Octets that are hashed in place of the body. */
  readonly hashed?: string;
  readonly time?: Date;
  readonly date?: string;
  readonly region?: string;
  readonly service?: string;
  readonly accessKeyId?: string;
  readonly unsigned?: readonly string[];
  readonly signedHeaders?: string;
}

export const basicFormat = (time: Date): string => time.toISOString().replace(/[-:]|\.\d{3}/g, "");

/**
 * The headers of a signed `POST /`, written from the standard's text alone and slow: what our verifier is compared with.
 * Names and values of `headers` are taken as they are.
 */
export function sign(host: string, operation: string, signing: Signing = {}): [string, string][] {
  const timestamp = basicFormat(signing.time ?? new Date());
  const headers: [string, string][] = [
    ["Host", host],
    ["Content-Type", "application/x-amz-json-1.1"],
    ["X-Amz-Date", timestamp],
    ["X-Amz-Target", `TrentService.${operation}`],
    ...(signing.headers ?? []).map(([name, value]): [string, string] => [name, value]),
  ];
  const names = new Set(headers.map(([name]) => name.toLowerCase()).filter((name) => name !== "user-agent"));
  for (const name of signing.unsigned ?? []) names.delete(name);
  const signedHeaders = signing.signedHeaders ?? [...names].sort().join(";");
  const canonicalHeaders = signedHeaders.split(";").map((name) => {
    const values = headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
    return `${name}:${values
      .map((value) =>
        value
          .split(/[ \t]+/)
          .filter(Boolean)
          .join(" "),
      )
      .join(",")}\n`;
  });
  const bodyHash = sha256(signing.hashed ?? signing.body ?? "{}");
  const canonical = ["POST", "/", "", canonicalHeaders.join(""), signedHeaders, bodyHash].join("\n");
  const { date = timestamp.slice(0, 8), region: where = region, service = "kms" } = signing;
  const scope = `${date}/${where}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", timestamp, scope, sha256(Buffer.from(canonical, "latin1"))].join("\n");
  const key = hmac(hmac(hmac(kDate(date), where), service), "aws4_request");
  const credential = `${signing.accessKeyId ?? accessKeyId}/${scope}`;
  headers.push([
    "Authorization",
    `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${hmac(key, text).toString("hex")}`,
  ]);
  return headers;
}
