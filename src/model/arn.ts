import { type Bytes, fromHex, hex } from "../base/bytes.ts";

/** `arn:aws:kms:<region>:<account>:key/<id>` and its relatives. */
export interface Arn {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly account: string;
  readonly resource: string;
}

export function parseArn(text: string): Arn | undefined {
  const parts = text.split(":");
  if (parts.length < 6 || parts[0] !== "arn") return undefined;
  const [, partition, service, region, account] = parts as [string, string, string, string, string, ...string[]];
  return { partition, service, region, account, resource: parts.slice(5).join(":") };
}

/** The partition of a region: what stands second in its ARNs. */
export const partitionOf = (region: string): string =>
  region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";

export const keyArn = (region: string, account: string, keyId: string): string =>
  `arn:${partitionOf(region)}:kms:${region}:${account}:key/${keyId}`;

/** `aliasName` begins with `alias/`. */
export const aliasArn = (region: string, account: string, aliasName: string): string =>
  `arn:${partitionOf(region)}:kms:${region}:${account}:${aliasName}`;

/** Users are of every partition: here their ARNs are of `aws`, and clients see those of the region that they call in. */
export const rootArn = (account: string): string => `arn:aws:iam::${account}:root`;
export const userArn = (account: string, name: string): string => `arn:aws:iam::${account}:user/${name}`;
export const isUserArn = (text: string): boolean => /^arn:aws:iam::\d{12}:user\/[\w+=,.@-]{1,64}$/.test(text);

/** A principal's ARN as clients of a region see it. */
export const shownArn = (arn: string, region: string): string =>
  arn.replace(/^arn:aws:iam:/, `arn:${partitionOf(region)}:iam:`);

/** The ARN of a principal, whichever partition a client has named it in. */
export const principalArn = (arn: string): string => arn.replace(/^arn:aws-(cn|us-gov):(iam|sts):/, "arn:aws:$2:");

const uuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const multiRegion = /^mrk-[0-9a-fA-F]{32}$/;

/** Whether a key could be called so: capitals are well-formed, but in the id of no key. */
export const isKeyId = (text: string): boolean => uuid.test(text) || multiRegion.test(text);

/** The 16 bytes that the id of a key stands for. */
export const rawKeyId = (keyId: string): Bytes =>
  fromHex(keyId.startsWith("mrk-") ? keyId.slice(4) : keyId.replaceAll("-", ""));

/** The UUID of 16 bytes. */
export const uuidOf = (raw: Bytes): string => hex(raw).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
