import {
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  KmsKeyringNode,
  NodeCachingMaterialsManager,
} from "@aws-crypto/client-node";
import type { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const message = Buffer.from("a message of any length ".repeat(1000));
const encryptionContext = { purpose: "test", stage: "demo" };

describe("the AWS Encryption SDK for JavaScript", () => {
  const home = temporaryHome();
  let service: Service;
  let kms: KMS;
  /** Operations that the SDK has called. */
  const called: string[] = [];

  beforeAll(async () => {
    service = await startService(home);
    kms = service.client();
    kms.middlewareStack.add((next, { commandName = "" }) => {
      return (args) => {
        called.push(commandName);
        return next(args);
      };
    });
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  const newKey = async (): Promise<string> => (await kms.createKey({})).KeyMetadata?.Arn as string;
  const keyring = (generatorKeyId: string | undefined, keyIds: string[] = []) =>
    new KmsKeyringNode({
      ...(generatorKeyId !== undefined && { generatorKeyId }),
      keyIds,
      // Its type asks for answers without members that may be undefined.
      clientProvider: () => kms as never,
    });

  it("encrypts and decrypts under a key", async () => {
    const ring = keyring(await newKey());
    const { result } = await encrypt(ring, message, { encryptionContext });
    expect(result.includes("a message")).toBe(false);
    const { plaintext, messageHeader } = await decrypt(ring, result);
    expect(plaintext.equals(message)).toBe(true);
    expect(messageHeader.encryptionContext).toMatchObject(encryptionContext);
    const changed = Buffer.from(result);
    changed[changed.length - 200] = (changed[changed.length - 200] as number) ^ 1;
    await expect(decrypt(ring, changed)).rejects.toThrow();
  });

  it("decrypts by any key of a multi-keyring", async () => {
    const [first, second, third] = [await newKey(), await newKey(), await newKey()];
    const { result } = await encrypt(keyring(first, [second]), message, { encryptionContext });
    await kms.disableKey({ KeyId: first });
    expect((await decrypt(keyring(undefined, [first, second]), result)).plaintext.equals(message)).toBe(true);
    await expect(decrypt(keyring(undefined, [third]), result)).rejects.toThrow();
  });

  it("encrypts many messages under one data key that it caches", async () => {
    const manager = new NodeCachingMaterialsManager({
      backingMaterials: keyring(await newKey()),
      cache: getLocalCryptographicMaterialsCache(10),
      maxAge: 60_000,
      maxMessagesEncrypted: 100,
    });
    called.length = 0;
    const options = { encryptionContext, plaintextLength: message.length };
    const results = [];
    for (let n = 0; n < 5; n++) results.push((await encrypt(manager, message, options)).result);
    expect(called).toEqual(["GenerateDataKeyCommand"]);
    for (const result of results) expect((await decrypt(manager, result)).plaintext.equals(message)).toBe(true);
    expect(called).toEqual(["GenerateDataKeyCommand", "DecryptCommand"]);
  });
});
