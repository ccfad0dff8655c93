import { isIPv4, isIPv6 } from "node:net";

/** 4 or 16 octets. An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`, what a dual-stack socket reports) is IPv4. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return parseIPv4(text);
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const octets = parseIPv6(text);
  const mapped = octets.every((octet, i) => i >= 12 || octet === (i < 10 ? 0 : 0xff));
  return mapped ? octets.subarray(12) : octets;
}

/** `text` satisfies `isIPv4`. On the data path where a policy asks for the source: a fifth of the time of `split`. */
function parseIPv4(text: string): Uint8Array {
  const octets = new Uint8Array(4);
  let place = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0) place += 1;
    else octets[place] = (octets[place] as number) * 10 + digit;
  }
  return octets;
}

/** `text` satisfies `isIPv6`. */
function parseIPv6(text: string): Uint8Array {
  const [left, right] = text.split("::").map((half) => (half === "" ? [] : half.split(":").flatMap(group)));
  const octets = new Uint8Array(16);
  octets.set(left ?? []);
  if (right) octets.set(right, 16 - right.length);
  return octets;
}

function group(text: string): number[] {
  if (text.includes(".")) return [...parseIPv4(text)];
  const value = Number.parseInt(text, 16);
  return [value >> 8, value & 0xff];
}

/** CIDR (RFC 4632), or a single address. */
export interface Network {
  readonly address: Uint8Array;
  readonly bits: number;
}

export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const all = address.length * 8;
  if (slash === -1) return { address, bits: all };
  const length = text.slice(slash + 1);
  // The prefix length of a mapped address counts from the 96 bits that the mapping has.
  const bits = Number(length) - (text.includes(":") && address.length === 4 ? 96 : 0);
  return /^\d{1,3}$/.test(length) && bits >= 0 && bits <= all ? { address, bits } : undefined;
}

export function contains({ address, bits }: Network, other: Uint8Array): boolean {
  if (address.length !== other.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== other[i]) return false;
  const mask = 0xff00 >> (bits & 7);
  return (((address[whole] ?? 0) ^ (other[whole] ?? 0)) & mask & 0xff) === 0;
}
