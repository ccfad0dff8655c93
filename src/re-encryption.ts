import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { authorizer } from "./access/evaluate.ts";
import { compileIdentityPolicy } from "./access/policy.ts";
import { fromBase64, utf8 } from "./base/bytes.ts";
import { systemClock } from "./base/clock.ts";
import { ConfigError, KmsError } from "./base/errors.ts";
import { writePrivateFile } from "./base/private-file.ts";
import type { ReEncryptionOptions } from "./cli/commands/custody.ts";
import { Kms } from "./kms/kms.ts";
import { parseArn, rootArn } from "./model/arn.ts";
import { perform } from "./operations/perform.ts";
import { operator } from "./operator.ts";
import type { Parts } from "./service.ts";

type Answer = Readonly<Record<string, unknown>>;
type Ask = (region: string, operation: string, request: object) => Promise<Answer>;

/**
 * For a key whose material stays in its HSM: a new key with the same policy, tags and description takes over its aliases, in
 * every region that a multi-Region key is in, and ciphertexts in files become ciphertexts of it, each file as a whole.
 * All of it by the API, as the root of the account: key policies apply, and every step is in the audit log.
 */
export async function reEncrypt(parts: Parts, account: string, options: ReEncryptionOptions) {
  const region = parseArn(options.keyId)?.region ?? options.region;
  if (region === undefined) throw new ConfigError("name the key by its ARN, or give --region");
  const ask: Ask = (region, operation, request) => asRoot(parts, account, [region])(region, operation, request);
  const blobs = options.files.map(blobOf);
  const context = Object.fromEntries(options.encryptionContext.map(pairOf));
  const sealedFor = async (DestinationKeyId: string, { file, text }: Blob, next: string): Promise<Uint8Array> => {
    const request = { CiphertextBlob: text, SourceKeyId: options.keyId, DestinationKeyId };
    const contexts = { SourceEncryptionContext: context, DestinationEncryptionContext: context };
    const answer = await ask(region, "ReEncrypt", { ...request, ...contexts }).catch((error) => {
      if (!(error instanceof KmsError)) throw error;
      const reason = error.message === "" ? error.code : `${error.code}: ${error.message}`;
      throw new ConfigError(`${file} stays as it is: ${reason} (${next})`);
    });
    return answer["CiphertextBlob"] as Uint8Array;
  };
  if (options.toKeyId === undefined) {
    // Before a new key takes over the aliases: a wrong encryption context shows here.
    for (const blob of blobs)
      await sealedFor(options.keyId, blob, "no key has been made; is --encryption-context right?");
  }
  const toKeyId = options.toKeyId ?? (await succeed(parts, account, region, options.keyId));
  for (const blob of blobs) {
    const fresh = await sealedFor(toKeyId, blob, `go on with --to-key-id ${toKeyId}`);
    writePrivateFile(blob.file, blob.binary ? fresh : `${fresh.toBase64()}\n`);
  }
  return { keyId: options.keyId, toKeyId, files: blobs.length };
}

interface RegionalKey {
  readonly Arn: string;
  readonly Region: string;
}

interface KeyMetadata {
  readonly Arn: string;
  readonly KeySpec: string;
  readonly KeyUsage: string;
  readonly Description: string;
  readonly MultiRegion: boolean;
  readonly MultiRegionConfiguration?: {
    readonly PrimaryKey: RegionalKey;
    readonly ReplicaKeys: readonly RegionalKey[];
  };
}

/** The new key's ARN in `region`. */
async function succeed(parts: Parts, account: string, region: string, KeyId: string): Promise<string> {
  const { KeyMetadata } = await asRoot(parts, account, [region])(region, "DescribeKey", { KeyId });
  const { Arn, KeySpec, KeyUsage, MultiRegion, MultiRegionConfiguration: related } = KeyMetadata as KeyMetadata;
  const [primary, ...replicas]: readonly [RegionalKey, ...RegionalKey[]] = related
    ? [related.PrimaryKey, ...related.ReplicaKeys]
    : [{ Arn, Region: region }];
  const ask = asRoot(
    parts,
    account,
    [primary, ...replicas].map(({ Region }) => Region),
  );
  const made = await ask(primary.Region, "CreateKey", {
    KeySpec,
    KeyUsage,
    MultiRegion,
    ...(await ownOf(ask, primary)),
  });
  const fresh = new Map([[primary.Region, (made["KeyMetadata"] as KeyMetadata).Arn]]);
  for (const replica of replicas) {
    const request = { KeyId: fresh.get(primary.Region), ReplicaRegion: replica.Region, ...(await ownOf(ask, replica)) };
    const { ReplicaKeyMetadata } = await ask(primary.Region, "ReplicateKey", request);
    fresh.set(replica.Region, (ReplicaKeyMetadata as KeyMetadata).Arn);
  }
  for (const { Arn, Region } of [primary, ...replicas]) {
    const { Aliases } = (await ask(Region, "ListAliases", { KeyId: Arn })) as { Aliases: { AliasName: string }[] };
    for (const { AliasName } of Aliases) {
      await ask(Region, "UpdateAlias", { AliasName, TargetKeyId: fresh.get(Region) });
    }
  }
  return fresh.get(region) as string;
}

/** What each of related keys has for itself. */
async function ownOf(ask: Ask, { Arn: KeyId, Region }: RegionalKey) {
  const { KeyMetadata } = await ask(Region, "DescribeKey", { KeyId });
  const { Policy } = await ask(Region, "GetKeyPolicy", { KeyId });
  const { Tags } = await ask(Region, "ListResourceTags", { KeyId });
  const { Description } = KeyMetadata as KeyMetadata;
  return { Description, Policy, Tags, BypassPolicyLockoutSafetyCheck: true };
}

function asRoot(parts: Parts, account: string, regions: readonly string[]): Ask {
  const kms = new Kms({ ...parts, regions, authorizer, sink: parts.log, clock: systemClock });
  const policies = [compileIdentityPolicy(everything, "operator")];
  const principal = {
    type: "Root",
    account,
    arn: rootArn(account),
    id: account,
    accessKeyId: "operator",
    policies,
  } as const;
  const { address, userAgent } = operator(account);
  return async (region, operation, request) =>
    (await perform(
      kms,
      operation,
      { principal, region, requestId: randomUUID(), address, userAgent },
      utf8(JSON.stringify(request)),
    )) ?? {};
}

const everything = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "kms:*", Resource: "*" }],
});

/** A file with a ciphertext: as `aws kms encrypt` prints it, or decoded. */
interface Blob {
  readonly file: string;
  readonly text: string;
  readonly binary: boolean;
}

function blobOf(file: string): Blob {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read`, { cause });
  }
  const text = Buffer.from(bytes).toString("latin1").trim();
  return fromBase64(text) ? { file, text, binary: false } : { file, text: bytes.toBase64(), binary: true };
}

function pairOf(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return [pair.slice(0, at), pair.slice(at + 1)];
}
