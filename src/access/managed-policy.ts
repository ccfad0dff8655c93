import { rootArn, shownArn } from "../model/arn.ts";
import { viaService } from "../model/service.ts";
import { policyText } from "./policy.ts";

/** Uses, of whoever calls through the service. */
const uses = ["Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "CreateGrant", "DescribeKey"];
/** Reads, of whom the account's identity policies allow; and the way out of what a service has granted. */
const reads = ["Describe*", "Get*", "List*", "RevokeGrant"];

/**
 * The policy of the AWS managed key of `service`. What it does not allow is refused to everybody, its account's root
 * included: a new policy, deletion, disabling, rotation on demand, tags, aliases.
 */
export const managedKeyPolicy = (service: string, account: string, region: string): string =>
  policyText({
    Version: "2012-10-17",
    Id: `auto-${service}-1`,
    Statement: [
      {
        Sid: `Allow access through ${service} for all principals in the account that are authorized to use ${service}`,
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: uses.map((name) => `kms:${name}`),
        Resource: "*",
        Condition: { StringEquals: { "kms:CallerAccount": account, "kms:ViaService": viaService(service, region) } },
      },
      {
        Sid: "Allow direct access to key metadata to the account",
        Effect: "Allow",
        Principal: { AWS: shownArn(rootArn(account), region) },
        Action: reads.map((name) => `kms:${name}`),
        Resource: "*",
      },
    ],
  });
