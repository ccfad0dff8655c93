import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout, removeHome, type Service, startService, temporaryHome } from "./service.ts";

const Plaintext = new TextEncoder().encode("a secret");
const accessDenied = { name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } };

describe("grants, through the SDK", () => {
  const home = temporaryHome();
  const account = "111122223333";
  const arnOf = (user: string): string => `arn:aws:iam::${account}:user/${user}`;
  let service: Service;
  let administrator: KMS;
  let grantee: KMS;
  let retirer: KMS;

  const strongroom = (...command: readonly string[]): string =>
    execFileSync(join(checkout, "scripts/strongroom"), [...command, "--home", home], { encoding: "utf8" });
  const newUser = (name: string): KMS => {
    strongroom("iam", "create-user", "--user-name", name);
    return service.client(JSON.parse(strongroom("iam", "create-access-key", "--user-name", name)));
  };
  const newKey = async (): Promise<string> => (await administrator.createKey({})).KeyMetadata?.KeyId as string;
  const encrypt = (kms: KMS, KeyId: string, EncryptionContext?: Record<string, string>, GrantTokens?: string[]) =>
    kms.encrypt({
      KeyId,
      Plaintext,
      ...(EncryptionContext && { EncryptionContext }),
      ...(GrantTokens && { GrantTokens }),
    });

  beforeAll(async () => {
    service = await startService(home, "soft", ["--account", account]);
    administrator = service.client();
    grantee = newUser("grantee");
    retirer = newUser("retirer");
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  it("lets a user without a policy use a key until the grant is retired", async () => {
    const KeyId = await newKey();
    const { CiphertextBlob } = await encrypt(administrator, KeyId, { team: "it" });
    const decrypt = (EncryptionContext: Record<string, string>) =>
      grantee.decrypt({ CiphertextBlob, EncryptionContext });
    await expect(decrypt({ team: "it" })).rejects.toMatchObject(accessDenied);
    const { GrantId, GrantToken } = await administrator.createGrant({
      KeyId,
      GranteePrincipal: arnOf("grantee"),
      RetiringPrincipal: arnOf("retirer"),
      Operations: ["Decrypt", "DescribeKey"],
      Constraints: { EncryptionContextSubset: { team: "it" } },
      Name: "reader",
    });
    expect((await decrypt({ team: "it" })).Plaintext).toEqual(Plaintext);
    await expect(decrypt({ team: "hr" })).rejects.toMatchObject(accessDenied);
    await expect(encrypt(grantee, KeyId, { team: "it" })).rejects.toMatchObject(accessDenied);
    expect((await grantee.describeKey({ KeyId, GrantTokens: [GrantToken as string] })).KeyMetadata?.KeyId).toBe(KeyId);
    const { Grants, Truncated } = await administrator.listGrants({ KeyId });
    expect(Truncated).toBe(false);
    expect(Grants).toEqual([
      {
        KeyId: `arn:aws:kms:us-east-1:${account}:key/${KeyId}`,
        GrantId,
        Name: "reader",
        CreationDate: expect.any(Date),
        GranteePrincipal: arnOf("grantee"),
        RetiringPrincipal: arnOf("retirer"),
        IssuingAccount: `arn:aws:iam::${account}:root`,
        Operations: ["Decrypt", "DescribeKey"],
        Constraints: { EncryptionContextSubset: { team: "it" } },
      },
    ]);
    expect((await administrator.listRetirableGrants({ RetiringPrincipal: arnOf("retirer") })).Grants).toEqual(Grants);
    await expect(grantee.retireGrant({ GrantToken })).rejects.toMatchObject(accessDenied);
    await retirer.retireGrant({ GrantToken });
    await expect(decrypt({ team: "it" })).rejects.toMatchObject(accessDenied);
    await expect(encrypt(administrator, KeyId, {}, [GrantToken as string])).rejects.toMatchObject({
      name: "InvalidGrantTokenException",
    });
  });

  it("makes one grant of sixteen requests at once that have one name", async () => {
    const KeyId = await newKey();
    const request = { KeyId, GranteePrincipal: arnOf("grantee"), Operations: ["Encrypt" as const], Name: "once" };
    const made = await Promise.all(Array.from({ length: 16 }, () => administrator.createGrant(request)));
    expect(new Set(made.map(({ GrantId }) => GrantId)).size).toBe(1);
    expect(new Set(made.map(({ GrantToken }) => GrantToken)).size).toBe(16);
    expect((await administrator.listGrants({ KeyId })).Grants).toHaveLength(1);
    await encrypt(
      grantee,
      KeyId,
      {},
      made.slice(0, 10).map(({ GrantToken }) => GrantToken as string),
    );
  });

  it("keeps grants, and takes their tokens, after a restart", async () => {
    const KeyId = await newKey();
    const request = { KeyId, GranteePrincipal: arnOf("grantee"), Operations: ["Encrypt" as const] };
    const { GrantId, GrantToken } = await administrator.createGrant(request);
    const keys = [administrator, grantee, retirer].map((kms) => kms.config.credentials());
    expect(await service.stop()).toBe(0);
    service = await startService(home, "soft", ["--account", account]);
    [administrator, grantee, retirer] = (await Promise.all(keys)).map((key) => service.client(key)) as [KMS, KMS, KMS];
    await encrypt(grantee, KeyId, {}, [GrantToken as string]);
    await administrator.revokeGrant({ KeyId, GrantId });
    await expect(encrypt(grantee, KeyId)).rejects.toMatchObject(accessDenied);
  }, 120_000);

  it("tells of grants in the audit log, and of no token", async () => {
    const KeyId = await newKey();
    const { GrantId, GrantToken } = await administrator.createGrant({
      KeyId,
      GranteePrincipal: arnOf("grantee"),
      Operations: ["Encrypt"],
      Constraints: { EncryptionContextEquals: { team: "it" } },
    });
    await encrypt(grantee, KeyId, { team: "it" }, [GrantToken as string]);
    await administrator.retireGrant({ GrantToken });
    const folder = join(home, "audit");
    const log = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".jsonl"))
      .map((name) => readFileSync(join(folder, name), "utf8"))
      .join("");
    expect(log).not.toContain(GrantToken);
    const events = log.split("\n").filter((line) => line.includes(GrantId as string));
    expect(events.map((line) => /"eventName":"(\w+)"/.exec(line)?.[1])).toEqual(["CreateGrant", "RetireGrant"]);
    expect(events[0]).toContain(
      `"requestParameters":{"keyId":"${KeyId}","granteePrincipal":"${arnOf("grantee")}","operations":["Encrypt"],` +
        '"constraints":{"encryptionContextEquals":{"team":"it"}}}',
    );
  });

  it("drops grants on a reset", async () => {
    const KeyId = await newKey();
    const request = { KeyId, RetiringPrincipal: `arn:aws:iam::${account}:root`, Operations: ["Encrypt" as const] };
    await administrator.createGrant({ ...request, GranteePrincipal: arnOf("grantee"), Name: "n" });
    const retirable = { RetiringPrincipal: `arn:aws:iam::${account}:root` };
    expect((await administrator.listRetirableGrants(retirable)).Grants).toHaveLength(1);
    expect((await service.dev("/dev/reset")).status).toBeLessThan(300);
    expect((await administrator.listRetirableGrants(retirable)).Grants).toEqual([]);
  });
});
