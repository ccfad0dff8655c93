import { join } from "node:path";
import { writePrivateFile } from "../base/private-file.ts";
import { privateFolder } from "./home.ts";

/** How a client reaches the service. */
export interface AwsClient {
  /** `https://host:port`. */
  readonly endpoint: string;
  readonly region: string;
  readonly caFile: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Writes `aws/config`, `aws/credentials` and `aws/environment` (mode 0600) under `home`, for the AWS CLI and SDKs.
 * The answer: lines for a shell, also the contents of `aws/environment`. They hold no secret.
 */
export function writeAwsFiles(home: string, client: AwsClient): string[] {
  const folder = privateFolder(join(home, "aws"));
  const files = { config: join(folder, "config"), credentials: join(folder, "credentials") };
  writePrivateFile(files.config, config(client));
  writePrivateFile(files.credentials, credentials(client));
  const lines = environment(client, files);
  writePrivateFile(join(folder, "environment"), `${lines.join("\n")}\n`);
  return lines;
}

/** The endpoint is that of KMS alone: other services keep theirs. */
const config = ({ endpoint, region, caFile }: AwsClient): string => `[default]
region = ${region}
ca_bundle = ${caFile}
services = strongroom

[services strongroom]
kms =
  endpoint_url = ${endpoint}
`;

const credentials = ({ accessKeyId, secretAccessKey }: AwsClient): string => `[default]
aws_access_key_id = ${accessKeyId}
aws_secret_access_key = ${secretAccessKey}
`;

/**
 * Variables win over the files, so those that a shell may have already are set or unset: AWS_REGION and
 * AWS_DEFAULT_REGION because clients read one or the other, NODE_EXTRA_CA_CERTS because the JavaScript SDK knows
 * neither ca_bundle nor AWS_CA_BUNDLE. Version 2.9 of the AWS CLI (Debian 12) reads an endpoint from nowhere but
 * `--endpoint-url`.
 */
const environment = (client: AwsClient, files: { config: string; credentials: string }): string[] => [
  "unset AWS_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  `export AWS_CONFIG_FILE=${quoted(files.config)}`,
  `export AWS_SHARED_CREDENTIALS_FILE=${quoted(files.credentials)}`,
  `export AWS_CA_BUNDLE=${quoted(client.caFile)}`,
  `export NODE_EXTRA_CA_CERTS=${quoted(client.caFile)}`,
  `export AWS_REGION=${client.region}`,
  `export AWS_DEFAULT_REGION=${client.region}`,
  `export AWS_ENDPOINT_URL_KMS=${client.endpoint}`,
];

/** One word of a POSIX shell. */
const quoted = (text: string): string => (/^[\w/.:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
