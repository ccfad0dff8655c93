import { partitionOf } from "./arn.ts";

/** Begins the names of aliases that only services make. */
export const managedPrefix = "alias/aws/";

export const isServiceName = (text: string): boolean => /^[a-z0-9-]{1,64}$/.test(text);

/** Services whose calls go by another name than their alias. */
const callers: Readonly<Record<string, string>> = { ebs: "ec2" };

/** Value of kms:ViaService. */
export function viaService(service: string, region: string): string {
  const domain = partitionOf(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  return `${callers[service] ?? service}.${region}.${domain}`;
}
