import { ConfigError } from "../../base/errors.ts";

/** Which module and which of its tokens: the attributes of a PKCS#11 URI (RFC 7512) that mean something here. */
export interface TokenUri {
  readonly modulePath: string;
  readonly token?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly slotId?: number;
  /** A reference to the PIN, `file:<path>`. */
  readonly pinSource?: string;
}

const pathAttributes = ["token", "serial", "manufacturer", "model", "slot-id"] as const;
const queryAttributes = ["module-path", "pin-source"] as const;

/**
 * ConfigError names what cannot be used; it never holds an attribute's value, because a PIN may have been written into
 * the wrong one.
 */
export function parseUri(uri: string): TokenUri {
  if (!/^pkcs11:/i.test(uri)) throw new ConfigError("a PKCS#11 URI begins with pkcs11:");
  const [path = "", query = "", ...rest] = uri.slice("pkcs11:".length).split("?");
  if (rest.length > 0) throw new ConfigError("a PKCS#11 URI has one ? at most");
  const found = readAttributes(path, ";", pathAttributes);
  const asked = readAttributes(query, "&", queryAttributes);

  const modulePath = asked.get("module-path");
  if (modulePath === undefined) throw new ConfigError("the PKCS#11 URI has no module-path");
  const [token, serial, manufacturer, model] = ["token", "serial", "manufacturer", "model"].map((name) =>
    found.get(name),
  );
  if (token === undefined && serial === undefined) {
    throw new ConfigError(
      "the PKCS#11 URI names no token: give token=<label>, and serial=<serial> where labels repeat",
    );
  }
  const slot = found.get("slot-id");
  if (slot !== undefined && !/^\d{1,9}$/.test(slot))
    throw new ConfigError("slot-id of the PKCS#11 URI is not a number");
  const pinSource = asked.get("pin-source");
  return {
    modulePath,
    ...(token !== undefined && { token }),
    ...(serial !== undefined && { serial }),
    ...(manufacturer !== undefined && { manufacturer }),
    ...(model !== undefined && { model }),
    ...(slot !== undefined && { slotId: Number(slot) }),
    ...(pinSource !== undefined && { pinSource: fileReference(pinSource) }),
  };
}

function readAttributes(part: string, separator: string, known: readonly string[]): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const attribute of part === "" ? [] : part.split(separator)) {
    const equals = attribute.indexOf("=");
    const name = attribute.slice(0, Math.max(equals, 0));
    if (!/^[A-Za-z0-9_-]+$/.test(name)) throw new ConfigError("the PKCS#11 URI has a part that is not name=value");
    if (name === "pin-value") {
      throw new ConfigError("pin-value puts the PIN into the configuration: give it as file:<path> or env:<name>");
    }
    if (!known.includes(name)) throw new ConfigError(`the PKCS#11 URI has an attribute that is not known: ${name}`);
    if (attributes.has(name)) throw new ConfigError(`the PKCS#11 URI has ${name} twice`);
    attributes.set(name, decode(name, attribute.slice(equals + 1)));
  }
  return attributes;
}

function decode(name: string, value: string): string {
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch (cause) {
    throw new ConfigError(`${name} of the PKCS#11 URI is not percent-encoded UTF-8`, { cause });
  }
  if (text === "" || text.includes("\0")) throw new ConfigError(`${name} of the PKCS#11 URI is empty or holds a NUL`);
  return text;
}

/** `file:/path`, `file:///path` and, as RFC 7512 §2.4 allows, a bare absolute path. */
function fileReference(source: string): string {
  const path = source.replace(/^file:(\/\/(?=\/))?/, "");
  if (!path.startsWith("/")) throw new ConfigError("pin-source of the PKCS#11 URI is not file:<absolute path>");
  return `file:${path}`;
}
