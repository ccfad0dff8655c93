import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { authorizer } from "../../src/access/evaluate.ts";
import { readBackup } from "../../src/backup/file.ts";
import { type Officer, officerKeyOf, officerOf, openByOfficer } from "../../src/backup/officers.ts";
import type { OpenedShare } from "../../src/backup/shares.ts";
import { fromBase64, hex, utf8 } from "../../src/base/bytes.ts";
import { MovableClock } from "../../src/base/clock.ts";
import type { ConfiguredHsm } from "../../src/hsm/config.ts";
import { Kms } from "../../src/kms/kms.ts";
import { perform } from "../../src/operations/perform.ts";
import { operatorIam } from "../../src/operator.ts";
import { openParts, type Parts } from "../../src/service.ts";
import { type Answer, type Ask, account, allow } from "../operations/office.ts";

/** A deployment without a server, of HSMs that are there. */
export interface Deployment {
  readonly folder: string;
  readonly hsms: readonly ConfiguredHsm[];
  readonly parts: Parts;
  readonly kms: Kms;
  readonly clock: MovableClock;
  /** The administrator, of whom there is one in the store or is none yet. */
  readonly ask: Ask;
  askIn(region: string): Ask;
  close(): Promise<void>;
}

export const newFolder = (): string => mkdtempSync(join(tmpdir(), "strongroom-backup-"));
export const softHsm = (directory: string) => ({ driver: "soft", directory, keyFile: join(directory, "key") }) as const;
export const storeOf = (folder: string): string => join(folder, "store.db");

export async function openDeployment(
  folder: string,
  hsms: readonly ConfiguredHsm[],
  { create = false, accessKeyId }: { create?: boolean; accessKeyId?: string } = {},
): Promise<Deployment & { readonly accessKeyId: string }> {
  const clock = new MovableClock();
  const audit = { directory: join(folder, "audit"), chain: "service" };
  const parts = await openParts({ hsms, store: { file: storeOf(folder), create }, audit, clock });
  const kms = new Kms({ ...parts, regions: ["us-east-1", "eu-west-1"], authorizer, sink: parts.log, clock });
  const id = accessKeyId ?? (await newAdministrator(parts, clock));
  const askIn =
    (region: string): Ask =>
    async (operation, request = {}) => {
      parts.principals.forget();
      const principal = (await parts.principals.lookup(id))?.principal;
      if (!principal) throw new Error("the access key is gone");
      const caller = { principal, region, requestId: randomUUID(), address: "::1", userAgent: "test" };
      return (await perform(kms, operation, caller, utf8(JSON.stringify(request)))) as Answer;
    };
  const close = async () => {
    await parts.outbox.flush();
    await parts.close();
  };
  return { folder, hsms, parts, kms, clock, ask: askIn("us-east-1"), askIn, accessKeyId: id, close };
}

async function newAdministrator(parts: Parts, clock: MovableClock): Promise<string> {
  const iam = operatorIam(parts, account, clock);
  await iam.createUser(account, "admin");
  await iam.putUserPolicy(account, "admin", "all", allow("*"));
  return (await iam.createAccessKey(account, "admin")).accessKeyId;
}

/** What must be the same wherever the keys are. */
export interface Evidence {
  verify(by: Ask, parts: Parts): Promise<void>;
  /** By what it is for. */
  readonly keys: Readonly<Record<string, string>>;
}

const text = (blob: Uint8Array): string => blob.toBase64();

/** Keys of every sort that the deployment's HSM has, and what they have made. `pairs`: key pairs among them. */
export async function makeEvidence(
  { ask, parts, accessKeyId }: Deployment & { accessKeyId: string },
  pairs = true,
): Promise<Evidence> {
  const newKey = async (request: object): Promise<string> => (await ask("CreateKey", request))["KeyMetadata"].KeyId;
  const symmetric = await newKey({});
  await ask("CreateAlias", { AliasName: "alias/kept", TargetKeyId: symmetric });
  const many = await newKey({ MultiRegion: true });
  await ask("ReplicateKey", { KeyId: many, ReplicaRegion: "eu-west-1" });
  const context = { EncryptionContext: { of: "evidence" } };
  const blobs: string[] = [];
  for (let i = 0; i < 3; i++) {
    blobs.push(
      text((await ask("Encrypt", { KeyId: symmetric, Plaintext: btoa(`old ${i}`), ...context }))["CiphertextBlob"]),
    );
    await ask("RotateKeyOnDemand", { KeyId: symmetric });
  }
  const hmac = await newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
  const Message = btoa("message");
  const macAsked = { KeyId: hmac, Message, MacAlgorithm: "HMAC_SHA_256" };
  const Mac = text((await ask("GenerateMac", macAsked))["Mac"]);
  const ec = pairs ? await newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }) : undefined;
  const signAsked = { KeyId: ec, Message, MessageType: "RAW", SigningAlgorithm: "ECDSA_SHA_256" };
  const Signature = ec && text((await ask("Sign", signAsked))["Signature"]);
  const kDate = async (of: Parts) =>
    hex((await (await of.principals.lookup(accessKeyId))?.kDate("20261122")) as Uint8Array);
  const dated = await kDate(parts);
  return {
    keys: { symmetric, hmac, ...(ec !== undefined && { ec }) },
    async verify(by, of) {
      for (const [i, CiphertextBlob] of blobs.entries()) {
        const { Plaintext } = await by("Decrypt", { CiphertextBlob, ...context });
        expect(atob(text(Plaintext))).toBe(`old ${i}`);
      }
      const made = await by("Encrypt", { KeyId: "alias/kept", Plaintext: btoa("new") });
      const back = await by("Decrypt", { CiphertextBlob: text(made["CiphertextBlob"]) });
      expect(atob(text(back["Plaintext"]))).toBe("new");
      expect((await by("VerifyMac", { ...macAsked, Mac }))["MacValid"]).toBe(true);
      expect(await kDate(of)).toBe(dated);
      if (Signature === undefined) return;
      expect((await by("Verify", { ...signAsked, Signature }))["SignatureValid"]).toBe(true);
      const again = text((await by("Sign", signAsked))["Signature"]);
      expect((await by("Verify", { ...signAsked, Signature: again }))["SignatureValid"]).toBe(true);
    },
  };
}

const pem = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
};
export const people = Array.from({ length: 3 }, () =>
  generateKeyPairSync("x25519", pem as never),
) as unknown as readonly {
  readonly publicKey: string;
  readonly privateKey: string;
}[];
export const officers: readonly Officer[] = people.map(({ publicKey }) => officerOf(publicKey, "officer"));

/** As the officers open them, each with their own key. */
export async function sharesOf(file: string, who: readonly number[]): Promise<OpenedShare[]> {
  const { shares, transport } = readBackup(file).contents.recovery;
  return Promise.all(
    who.map(async (i) => {
      const { key, fingerprint } = officerKeyOf(utf8(people[i]?.privateKey as string), undefined);
      const sealed = fromBase64(shares.find(({ officer }) => officer === fingerprint)?.sealed as string) as Uint8Array;
      return {
        backup: transport.fingerprint,
        officer: fingerprint,
        share: await openByOfficer(key, transport.fingerprint, sealed),
      };
    }),
  );
}
