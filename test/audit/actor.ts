import type { Actor } from "../../src/audit/event.ts";

export const actor: Actor = {
  principal: {
    type: "IAMUser",
    account: "111122223333",
    arn: "arn:aws:iam::111122223333:user/alice",
    id: "AIDAEXAMPLE",
    name: "alice",
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  },
  region: "us-east-1",
  requestId: "b2ad5a5c-0000-4000-8000-000000000000",
  address: "192.0.2.1",
  userAgent: "aws-cli/2.9.19",
  tls: { tlsVersion: "TLSv1.3", cipherSuite: "TLS_AES_256_GCM_SHA384" },
};
