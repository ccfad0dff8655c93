import type { ServerOptions } from "node:http";

/** What one stranger may take of the service. Times in milliseconds, sizes in octets. */
export interface Limits {
  /** From the TCP connection to the end of the TLS handshake. */
  readonly handshakeTimeout: number;
  /** From the first octet of a request, or the connection, to the end of its headers. */
  readonly headersTimeout: number;
  /** To the end of its body. */
  readonly requestTimeout: number;
  /**
   * How long the rest of a refused request is read and thrown away. Closed at once, TCP would reset the connection and
   * take the answer from a client that is still sending (RFC 9112 §9.6).
   */
  readonly lingerTimeout: number;
  /** How long an idle connection is kept. */
  readonly keepAliveTimeout: number;
  /** How often the three above are looked at. */
  readonly connectionsCheckingInterval: number;
  readonly maxHeaderSize: number;
  /** The largest request of the API holds a key policy of 32 KiB, which escapes can make six times longer. */
  readonly maxBody: number;
  readonly maxConnections: number;
  /** Requests read, but not yet answered. */
  readonly maxInFlight: number;
}

export const defaultLimits: Limits = {
  handshakeTimeout: 5_000,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  lingerTimeout: 2_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  maxBody: 256 * 1024,
  maxConnections: 4_096,
  maxInFlight: 1_024,
};

export const httpOptions = (limits: Limits): ServerOptions => ({
  headersTimeout: limits.headersTimeout,
  requestTimeout: limits.requestTimeout,
  keepAliveTimeout: limits.keepAliveTimeout,
  connectionsCheckingInterval: limits.connectionsCheckingInterval,
  maxHeaderSize: limits.maxHeaderSize,
  insecureHTTPParser: false,
  // Its absence is refused with the other faults of a signature, in JSON.
  requireHostHeader: false,
});
