import { partitionOf } from "./arn.ts";

/** Begins the names of aliases that only services make. */
export const managedPrefix = "alias/aws/";

export const isServiceName = (text: string): boolean => /^[a-z0-9-]{1,64}$/.test(text);

/** As key policies name services: `s3.amazonaws.com`. */
export const isServicePrincipal = (text: string): boolean =>
  /^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$/.test(text);

/** What a service principal goes by in a region: policies name some services regionally, `logs.eu-west-1.amazonaws.com`. */
export function namesOfService(name: string, region: string): readonly string[] {
  const [, service, domain] = /^(.+?)\.(amazonaws\..+)$/.exec(name) as unknown as [string, string, string];
  return [name, `${service}.${region}.${domain}`];
}

/** Services whose calls go by another name than their alias. */
const callers: Readonly<Record<string, string>> = { ebs: "ec2" };

/** By which name a service calls: `ec2` for `alias/aws/ebs`. */
export const callerOf = (service: string): string => callers[service] ?? service;

/** Value of kms:ViaService. */
export function viaService(service: string, region: string): string {
  const domain = partitionOf(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  return `${callerOf(service)}.${region}.${domain}`;
}
