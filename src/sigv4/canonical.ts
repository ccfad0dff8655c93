import { hash } from "node:crypto";

/** A request as it was on the wire. Every string has one character per octet, as Node gives `url` and `rawHeaders`. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

/**
 * The canonical request of Signature Version 4 (AWS IAM User Guide, "Create a signed AWS API request", step 1), with one
 * character per octet.
 * @param normalize collapse `.`, `..` and empty segments of the path, as every service but S3 does
 */
export function canonicalRequest(
  { method, path, query, headers }: WireRequest,
  signedHeaders: readonly string[],
  bodyHash: string,
  normalize = true,
): string {
  let text = `${method}\n${canonicalPath(path, normalize)}\n${canonicalQuery(query)}\n`;
  for (const name of signedHeaders) text += `${name}:${canonicalValue(headers.get(name) ?? "")}\n`;
  return `${text}\n${signedHeaders.join(";")}\n${bodyHash}`;
}

export interface SigningScope {
  /** YYYYMMDDTHHMMSSZ. */
  readonly timestamp: string;
  /** YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** Step 2 of the signing process: what the signing key signs. */
export const stringToSign = ({ timestamp, date, region, service }: SigningScope, canonical: string): string =>
  `AWS4-HMAC-SHA256\n${timestamp}\n${date}/${region}/${service}/aws4_request\n${hash("sha256", Buffer.from(canonical, "latin1"))}`;

function canonicalPath(path: string, normalize: boolean): string {
  if (path === "/") return path;
  return uriEncode(normalize ? normalized(path) : path, true);
}

/** RFC 3986 §5.2.4, and empty segments dropped. */
function normalized(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  const trailing = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${trailing}`;
}

function canonicalQuery(query: string): string {
  if (query === "") return query;
  const parameters = query.split("&").map((parameter) => {
    const [name = "", ...value] = parameter.split("=");
    return [uriEncode(uriDecode(name)), uriEncode(uriDecode(value.join("=")))] as const;
  });
  parameters.sort(([a, x], [b, y]) => order(a, b) || order(x, y));
  return parameters.map(([name, value]) => `${name}=${value}`).join("&");
}

/** By code unit; the texts are ASCII. */
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** `\s` would be wrong: it has U+00A0, which here is an octet of some UTF-8 character. */
const canonicalValue = (value: string): string =>
  /^ | {2}|[\t\n]| $/.test(value) ? value.replace(/[ \t\n]+/g, " ").replace(/^ | $/g, "") : value;

/** Percent-encodes each octet but those of RFC 3986 §2.3, in upper case. */
const uriEncode = (octets: string, keepSlash = false): string =>
  octets.replace(keepSlash ? /[^\w.~/-]/g : /[^\w.~-]/g, percent);

const percent = (octet: string): string => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

const uriDecode = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
