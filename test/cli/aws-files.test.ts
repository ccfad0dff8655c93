import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { writeAwsFiles } from "../../src/cli/aws-files.ts";
import { ensureCertificates } from "../../src/cli/certificates.ts";

const accessKeyId = "AKIAIOSFODNN7EXAMPLE";
const secretAccessKey = "a/secret+with=all;its#marks";

const jsSdk = `
  import { KMSClient, ListKeysCommand } from "@aws-sdk/client-kms";
  await new KMSClient({}).send(new ListKeysCommand({}));
`;
const boto3 = `
import boto3, os
boto3.client("kms", endpoint_url=os.environ["AWS_ENDPOINT_URL_KMS"]).list_keys()
`;

test.each([
  ["the JavaScript SDK", `"$NODE" --input-type=module -e '${jsSdk}'`],
  ["the JavaScript SDK, by the files alone", `unset AWS_ENDPOINT_URL_KMS; "$NODE" --input-type=module -e '${jsSdk}'`],
  ["the AWS CLI of Debian 12", '/usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL_KMS" kms list-keys'],
  ["the boto3 of Debian 12", `/usr/bin/python3 -c '${boto3}'`],
])("%s finds endpoint, CA, region and keys", async (_, command) => {
  const { environment, received } = await service();
  await shell(`. ${environment}; ${command}`, {
    AWS_ACCESS_KEY_ID: "stale",
    AWS_SECRET_ACCESS_KEY: "stale",
    AWS_SESSION_TOKEN: "stale",
    AWS_PROFILE: "stale",
    AWS_CA_BUNDLE: "/stale",
    AWS_REGION: "stale",
  });
  expect(received).toHaveLength(1);
  expect(received[0]?.headers.authorization).toMatch(
    new RegExp(`Credential=${accessKeyId}/\\d{8}/eu-central-1/kms/aws4_request`),
  );
});

test("the files are private and the shell's lines hold no secret", async () => {
  const { folder, lines } = await service();
  for (const name of ["config", "credentials", "environment"]) {
    expect(statSync(join(folder, "aws", name)).mode & 0o777).toBe(0o600);
  }
  expect(readFileSync(join(folder, "aws", "credentials"), "utf8")).toContain(`= ${secretAccessKey}\n`);
  expect(lines.join("\n")).not.toContain(secretAccessKey);
});

/** A KMS with no keys, and the files that lead to it, in a folder whose name a shell could misread. */
async function service() {
  const folder = mkdtempSync(join(tmpdir(), "aws 'files'-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { caFile, cert, key } = await ensureCertificates(folder, []);
  const received: IncomingMessage[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    received.push(request);
    response.setHeader("content-type", "application/x-amz-json-1.1");
    response.end('{"Keys":[],"Truncated":false}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const lines = writeAwsFiles(folder, { endpoint, region: "eu-central-1", caFile, accessKeyId, secretAccessKey });
  const environment = `"${join(folder, "aws", "environment")}"`;
  return { folder, environment, lines, received };
}

const shell = (script: string, environment: Record<string, string>) =>
  promisify(execFile)("sh", ["-ec", script], { env: { ...process.env, NODE: process.execPath, ...environment } });
