import type { Principal } from "../access/authorizer.ts";

/** One authenticated request, before its body is looked at. */
export interface Caller {
  readonly principal: Principal;
  /** The region of the credential scope: one that this deployment serves. */
  readonly region: string;
  /** UUID, answered as `x-amzn-RequestId`. */
  readonly requestId: string;
  readonly address: string;
  readonly userAgent: string;
  /** The service that makes the call, by the name of its alias: `s3`. */
  readonly service?: string;
  /**
   * The resource that a service principal acts for, out of the signed headers `x-amz-source-arn` and
   * `x-amz-source-account`. Nobody else is believed.
   */
  readonly source?: { readonly arn?: string; readonly account?: string };
  /** CloudTrail's `tlsDetails`. */
  readonly tls?: {
    readonly tlsVersion: string;
    readonly cipherSuite: string;
    readonly clientProvidedHostHeader: string;
    readonly keyExchange: string;
  };
}
