import { KmsError } from "../base/errors.ts";

/** Field values by lower-case name, with one character per octet, as Node gives them. */
export type Headers = ReadonlyMap<string, string>;

/** What decides who asks for what must stand there once: two readers could take different ones for the truth. */
const unique = new Set(["authorization", "content-length", "content-type", "date", "host", "transfer-encoding"]);

/**
 * Reads `rawHeaders` of an IncomingMessage; its `headers` drop the second `host` or `authorization` silently.
 * Equal names are joined by commas in their order (RFC 9110 §5.3).
 * @throws KmsError IncompleteSignatureException when a header that is signed or trusted is there twice
 */
export function readHeaders(rawHeaders: readonly string[]): Headers {
  const headers = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    const earlier = headers.get(name);
    if (earlier === undefined) {
      headers.set(name, value);
    } else {
      if (unique.has(name) || name.startsWith("x-amz-")) {
        throw new KmsError("IncompleteSignatureException", "repeated", { name: name.slice(0, 32) });
      }
      headers.set(name, `${earlier},${value}`);
    }
  }
  return headers;
}
