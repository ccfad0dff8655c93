import type { Address } from "./address.ts";

export const isAccount = (text: string): boolean => /^\d{12}$/.test(text);

/** `us-east-1`, `us-gov-west-1`, or one of your own in that form. */
export const isRegion = (text: string): boolean => /^[a-z]{2,8}(-[a-z]{1,16}){1,3}-\d{1,2}$/.test(text);

/** Loopback: whoever wants more says so. */
export const defaults = {
  listen: Object.freeze({ host: "127.0.0.1", port: 8443 }) satisfies Address,
  adminListen: Object.freeze({ host: "127.0.0.1", port: 8444 }) satisfies Address,
  regions: Object.freeze(["us-east-1"]),
  /** The account of the examples in AWS's documentation: some tools refuse 000000000000. */
  account: "111122223333",
} as const;
