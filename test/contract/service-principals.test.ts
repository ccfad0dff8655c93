import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, removeHome, type Service, startService, temporaryHome } from "./service.ts";

const home = temporaryHome();
const account = "999900001111";
const SourceArn = "arn:aws:logs:us-east-1:000000000000:log-group:a";
let service: Service;
let logs: KMS;

const iam = async (...argv: readonly string[]): Promise<string> => {
  const flags = ["--user-name", "logs", "--account", account, "--home", home];
  return (await promisify(execFile)(join(checkout, "scripts/strongroom"), ["iam", ...argv, ...flags])).stdout;
};

beforeAll(async () => {
  const principal = `logs.amazonaws.com=arn:aws:iam::${account}:user/logs`;
  service = await startService(home, "soft", ["--service-principal", principal]);
  await iam("create-user");
  const { accessKeyId, secretAccessKey } = JSON.parse(await iam("create-access-key"));
  logs = service.client({ accessKeyId, secretAccessKey });
}, 60_000);
afterAll(async () => {
  await service.stop();
  removeHome(home);
});

/** What an SDK adds to every request is signed. */
function actingFor(client: KMS, arn: string): void {
  client.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers["x-amz-source-arn"] = arn;
      return next(args);
    },
    { step: "build", name: "source", override: true },
  );
}

test("a service principal uses a customer's key by a grant, for the resource that the grant names", async () => {
  const admin = service.client();
  const { KeyMetadata: { Arn: KeyId } = {} } = await admin.createKey();
  const { GrantToken } = await admin.createGrant({
    KeyId,
    GranteeServicePrincipal: "logs.amazonaws.com",
    RetiringServicePrincipal: "logs.amazonaws.com",
    Operations: ["Encrypt"],
    Constraints: { SourceArn },
  });
  const encrypt = () => logs.encrypt({ KeyId, Plaintext: Buffer.from("a") });
  await expect(encrypt()).rejects.toMatchObject({ name: "AccessDeniedException" });
  actingFor(logs, SourceArn);
  expect((await encrypt()).KeyId).toBe(KeyId);
  actingFor(logs, `${SourceArn}b`);
  await expect(encrypt()).rejects.toMatchObject({ name: "AccessDeniedException" });
  await logs.retireGrant({ GrantToken });
});

test("a service principal keeps keys of its own in its account", async () => {
  await expect(logs.createKey()).rejects.toMatchObject({ name: "AccessDeniedException" });
  const policy = join(home, "logs.json");
  writeFileSync(policy, '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}');
  await iam("put-user-policy", "--policy-name", "all", "--policy-document", policy);
  const { KeyMetadata: { Arn = "", AWSAccountId } = {} } = await logs.createKey();
  expect(AWSAccountId).toBe(account);
  const admin = service.client();
  expect((await admin.listKeys()).Keys?.map(({ KeyArn }) => KeyArn)).not.toContain(Arn);
  await expect(admin.describeKey({ KeyId: Arn })).rejects.toMatchObject({ name: "AccessDeniedException" });
});

test("a reset takes users of every account with it", async () => {
  expect((await service.dev("/dev/reset")).status).toBe(200);
  await expect(logs.listKeys()).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  await service.client().listKeys();
});
