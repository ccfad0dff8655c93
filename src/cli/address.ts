import { isIPv4, isIPv6 } from "node:net";

/** Where a listener binds. `host` has no brackets; port 0 takes a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const hostname = /^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$/;

/** `HOST:PORT`, an IPv6 host in brackets; undefined when `text` is anything else. */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[(.*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port <= 65535)) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? Object.freeze({ host: bracketed, port }) : undefined;
  if (plain === undefined) return undefined;
  // 127.1 or 1.2.3.4.5 would pass for names, and resolvers disagree about them.
  const valid = /^[\d.]+$/.test(plain) ? isIPv4(plain) : hostname.test(plain);
  return valid ? Object.freeze({ host: plain, port }) : undefined;
}

/** As it stands in a URL, and as `parseAddress` reads it. */
export const formatAddress = ({ host, port }: Address): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;

/** Not an address that a client can connect to: "every interface". */
export const isWildcard = (host: string): boolean => /^(0\.0\.0\.0|[0:]*::?0?)$/.test(host);
