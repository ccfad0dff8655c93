import type { Walk } from "./walk.ts";

/**
 * The calls that Terraform's AWS provider makes for its resources (internal/service/kms of version 6): what it creates,
 * how it reads it back, what it changes. `$name.path` stands for what an earlier call answered.
 */

const policy = (action: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Id: "key-default-1",
    Statement: [
      {
        Sid: "Enable IAM User Permissions",
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::111122223333:root" },
        Action: action,
        Resource: "*",
      },
    ],
  });

const readKey = [
  ["described", "DescribeKey", { KeyId: "$key.KeyMetadata.KeyId" }],
  ["policy", "GetKeyPolicy", { KeyId: "$key.KeyMetadata.KeyId", PolicyName: "default" }],
  ["rotation", "GetKeyRotationStatus", { KeyId: "$key.KeyMetadata.KeyId" }],
  ["tags", "ListResourceTags", { KeyId: "$key.KeyMetadata.KeyId" }],
] as const;

const deleteKey = [
  ["deleted", "ScheduleKeyDeletion", { KeyId: "$key.KeyMetadata.KeyId", PendingWindowInDays: 7 }],
  ["gone", "DescribeKey", { KeyId: "$key.KeyMetadata.KeyId" }],
] as const;

const plainKey = [
  [
    "key",
    "CreateKey",
    {
      BypassPolicyLockoutSafetyCheck: false,
      CustomerMasterKeySpec: "SYMMETRIC_DEFAULT",
      KeyUsage: "ENCRYPT_DECRYPT",
      MultiRegion: false,
    },
  ],
] as const;

export const terraform: readonly Walk[] = [
  {
    name: "aws_kms_key with rotation, policy and tags",
    create: [
      [
        "key",
        "CreateKey",
        {
          BypassPolicyLockoutSafetyCheck: false,
          CustomerMasterKeySpec: "SYMMETRIC_DEFAULT",
          KeyUsage: "ENCRYPT_DECRYPT",
          MultiRegion: false,
          Description: "payroll",
          Policy: policy("kms:*"),
          Tags: [
            { TagKey: "team", TagValue: "pay" },
            { TagKey: "empty", TagValue: "" },
          ],
        },
      ],
      ["enabling", "EnableKeyRotation", { KeyId: "$key.KeyMetadata.KeyId", RotationPeriodInDays: 180 }],
    ],
    read: readKey,
    created: {
      described: { KeyMetadata: { Description: "payroll", Enabled: true, KeyState: "Enabled", Origin: "AWS_KMS" } },
      policy: { Policy: policy("kms:*"), PolicyName: "default" },
      rotation: { KeyRotationEnabled: true, RotationPeriodInDays: 180 },
      tags: {
        Tags: [
          { TagKey: "team", TagValue: "pay" },
          { TagKey: "empty", TagValue: "" },
        ],
        Truncated: false,
      },
    },
    update: [
      ["changed", "EnableKeyRotation", { KeyId: "$key.KeyMetadata.KeyId", RotationPeriodInDays: 90 }],
      ["described", "UpdateKeyDescription", { KeyId: "$key.KeyMetadata.KeyId", Description: "" }],
      [
        "put",
        "PutKeyPolicy",
        {
          BypassPolicyLockoutSafetyCheck: false,
          KeyId: "$key.KeyMetadata.KeyId",
          Policy: policy("kms:*").replace("key-default-1", "key-default-2"),
          PolicyName: "default",
        },
      ],
      ["untagged", "UntagResource", { KeyId: "$key.KeyMetadata.KeyId", TagKeys: ["empty"] }],
      ["tagged", "TagResource", { KeyId: "$key.KeyMetadata.KeyId", Tags: [{ TagKey: "team", TagValue: "hr" }] }],
      ["disabled", "DisableKey", { KeyId: "$key.KeyMetadata.KeyId" }],
    ],
    updated: {
      described: { KeyMetadata: { Description: "", Enabled: false, KeyState: "Disabled" } },
      policy: { Policy: policy("kms:*").replace("key-default-1", "key-default-2") },
      rotation: { KeyRotationEnabled: true, RotationPeriodInDays: 90 },
      tags: { Tags: [{ TagKey: "team", TagValue: "hr" }] },
    },
    delete: deleteKey,
    deleted: { gone: { KeyMetadata: { KeyState: "PendingDeletion" } } },
  },
  ...(
    [
      ["RSA_2048", "SIGN_VERIFY"],
      ["ECC_NIST_P256", "SIGN_VERIFY"],
      ["HMAC_256", "GENERATE_VERIFY_MAC"],
      ["ML_DSA_65", "SIGN_VERIFY"],
    ] as const
  ).map(
    ([CustomerMasterKeySpec, KeyUsage]): Walk => ({
      name: `aws_kms_key of spec ${CustomerMasterKeySpec}`,
      create: [["key", "CreateKey", { BypassPolicyLockoutSafetyCheck: false, CustomerMasterKeySpec, KeyUsage }]],
      read: readKey,
      created: {
        described: {
          KeyMetadata: { CustomerMasterKeySpec, KeySpec: CustomerMasterKeySpec, KeyUsage, MultiRegion: false },
        },
        rotation: { KeyRotationEnabled: false },
        tags: { Tags: [] },
      },
      delete: deleteKey,
      deleted: { gone: { KeyMetadata: { KeyState: "PendingDeletion" } } },
    }),
  ),
  {
    name: "aws_kms_alias, moved to another key",
    create: [
      ...plainKey,
      ["other", "CreateKey", plainKey[0][2]],
      ["made", "CreateAlias", { AliasName: "alias/terraform", TargetKeyId: "$key.KeyMetadata.KeyId" }],
    ],
    read: [["aliases", "ListAliases", {}]],
    created: {
      aliases: {
        Aliases: [
          {
            AliasName: "alias/terraform",
            AliasArn: "arn:aws:kms:us-east-1:111122223333:alias/terraform",
            TargetKeyId: "$key.KeyMetadata.KeyId",
          },
        ],
      },
    },
    update: [["moved", "UpdateAlias", { AliasName: "alias/terraform", TargetKeyId: "$other.KeyMetadata.Arn" }]],
    updated: {
      aliases: { Aliases: [{ AliasName: "alias/terraform", TargetKeyId: "$other.KeyMetadata.KeyId" }] },
    },
    delete: [
      ["removed", "DeleteAlias", { AliasName: "alias/terraform" }],
      ["left", "ListAliases", {}],
    ],
    deleted: { left: { Aliases: [] } },
  },
  {
    name: "aws_kms_grant with a constraint",
    create: [
      ...plainKey,
      [
        "grant",
        "CreateGrant",
        {
          GranteePrincipal: "arn:aws:iam::111122223333:root",
          KeyId: "$key.KeyMetadata.KeyId",
          Operations: ["Encrypt", "Decrypt", "GenerateDataKey"],
          Constraints: { EncryptionContextEquals: { Department: "Finance" } },
          Name: "my-grant",
          RetiringPrincipal: "arn:aws:iam::111122223333:root",
        },
      ],
    ],
    read: [["grants", "ListGrants", { KeyId: "$key.KeyMetadata.KeyId", Limit: 100 }]],
    created: {
      grants: {
        Grants: [
          {
            GrantId: "$grant.GrantId",
            GranteePrincipal: "arn:aws:iam::111122223333:root",
            RetiringPrincipal: "arn:aws:iam::111122223333:root",
            Name: "my-grant",
            Operations: ["Encrypt", "Decrypt", "GenerateDataKey"],
            Constraints: { EncryptionContextEquals: { Department: "Finance" } },
          },
        ],
      },
    },
    delete: [
      ["revoked", "RevokeGrant", { KeyId: "$key.KeyMetadata.KeyId", GrantId: "$grant.GrantId" }],
      ["left", "ListGrants", { KeyId: "$key.KeyMetadata.KeyId", Limit: 100 }],
    ],
    deleted: { left: { Grants: [] } },
  },
];
