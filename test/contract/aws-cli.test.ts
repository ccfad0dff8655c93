import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

/** Debian's package, so that what the README shows works with an old client, too. */
const aws = "/usr/bin/aws";
const python = "/usr/bin/python3";

// A client asks no other questions over another HSM, and this one takes seconds to start.
describe.each(["soft", "softhsm2"] as const)("the README's walk over %s", (hsm) => {
  const home = temporaryHome();
  let service: Service;
  const shell = (script: string): string =>
    execFileSync("/bin/sh", ["-eu", "-c", script], {
      cwd: home,
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", HOME: home, ...service.environment },
    });

  beforeAll(async () => {
    expect(existsSync(aws), "the Debian package awscli").toBe(true);
    service = await startService(home, hsm);
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  it("makes a key, encrypts a file and decrypts it with the AWS CLI", () => {
    writeFileSync(join(home, "secret.txt"), "attack at dawn");
    const output = shell(`
      kms() { ${aws} --endpoint-url "$AWS_ENDPOINT_URL_KMS" kms "$@"; }
      key=$(kms create-key --description payroll --query KeyMetadata.KeyId --output text)
      kms create-alias --alias-name alias/payroll --target-key-id "$key"
      kms encrypt --key-id alias/payroll --plaintext fileb://secret.txt --encryption-context app=payroll \
        --query CiphertextBlob --output text | base64 -d > secret.enc
      kms decrypt --ciphertext-blob fileb://secret.enc --encryption-context app=payroll \
        --query Plaintext --output text | base64 -d
    `);
    expect(output).toBe("attack at dawn");
    expect(readFileSync(join(home, "secret.enc")).includes("attack")).toBe(false);
  }, 60_000);

  it("shows the AWS CLI an error of the right type", () => {
    expect(() => shell(`${aws} --endpoint-url "$AWS_ENDPOINT_URL_KMS" kms describe-key --key-id alias/none`)).toThrow(
      /NotFoundException/,
    );
  }, 30_000);

  it("serves boto3", () => {
    const script = `
import boto3, os
kms = boto3.client("kms", endpoint_url=os.environ["AWS_ENDPOINT_URL_KMS"])
key = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "x"}])["KeyMetadata"]
assert key["KeyState"] == "Enabled" and key["CreationDate"].year >= 2026, key
data = kms.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256", EncryptionContext={"a": "b"})
opened = kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext={"a": "b"})
assert opened["Plaintext"] == data["Plaintext"] and len(data["Plaintext"]) == 32
try:
    kms.decrypt(CiphertextBlob=data["CiphertextBlob"])
    raise SystemExit("opened without its context")
except kms.exceptions.InvalidCiphertextException as error:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
names = [k["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1}) for k in page["Keys"]]
assert key["KeyId"] in names and len(names) == len(set(names))
print("ok")
`;
    expect(shell(`${python} - <<'EOF'\n${script}\nEOF`)).toBe("ok\n");
  }, 60_000);
});
