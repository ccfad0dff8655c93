import { generateKeyPairSync, randomBytes } from "node:crypto";
import * as client from "@aws-sdk/client-kms";
import { wrapped } from "../../operations/wrapping-client.ts";
import type { Kind } from "./documented.ts";

const message = new TextEncoder().encode("message");

export const states = [
  "Enabled",
  "Disabled",
  "PendingDeletion",
  "PendingReplicaDeletion",
  "PendingImport",
  "Unavailable",
] as const;

/** Those that bring material of every spec of the matrix. */
export const importAlgorithms = ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"] as const;
export type ImportAlgorithm = (typeof importAlgorithms)[number];

/** Where the replica of a multi-Region key is. */
export const otherRegion = "eu-west-1";

/** `family` is the spec, or what several have in common. */
export const nameOf = (family: string, { usage, origin, multiRegion }: Kind): string =>
  [family, usage, ...(origin === "AWS_KMS" ? [] : [origin]), ...(multiRegion ? ["multi-Region"] : [])].join(" ");

type Answer = Readonly<Record<string, unknown>>;

/** What a call made: the name of its exception, or "ok". */
export type Outcome = string;

/** One key of the matrix, with all that its operations need, made while it is enabled. */
export class Subject {
  readonly kind: Kind;
  readonly name: string;
  readonly #kms: client.KMSClient;
  readonly #elsewhere: client.KMS;
  #id = "";
  #arn = "";
  /** Of the other key that ReEncrypt moves ciphertexts to, and of this one. */
  #ciphertext: unknown;
  #encapsulated: unknown;
  #publicKey: unknown;
  readonly #signed = new Map<string, unknown>();
  readonly #grants: string[] = [];
  #importAlgorithm: ImportAlgorithm = "RSAES_OAEP_SHA_256";
  /** Parameters of an import that is good for as often as it is wanted. */
  #import: object = { ImportToken: new Uint8Array(64), EncryptedKeyMaterial: new Uint8Array(256) };

  /** `elsewhere` is for the other Region of a multi-Region key. */
  constructor(kms: client.KMSClient, kind: Kind, elsewhere: client.KMS) {
    this.kind = kind;
    this.name = nameOf(kind.spec, kind);
    this.#kms = kms;
    this.#elsewhere = elsewhere;
  }

  get id(): string {
    return this.#id;
  }

  /** Makes the key and what belongs to it: aliases and grants to be taken away in each state. */
  async make(states: readonly string[], place: object = {}): Promise<void> {
    const { spec: KeySpec, usage: KeyUsage, origin: Origin, multiRegion: MultiRegion } = this.kind;
    const made = await this.ask("CreateKey", { KeySpec, KeyUsage, Origin, MultiRegion, ...place });
    const { KeyId, Arn } = made["KeyMetadata"] as client.KeyMetadata;
    [this.#id, this.#arn] = [KeyId as string, Arn as string];
    for (const state of ["own", ...states]) {
      await this.ask("CreateAlias", { AliasName: this.#alias(state), TargetKeyId: this.#id });
    }
  }

  /** Imports its material, for the first time. */
  async importMaterial(algorithm: ImportAlgorithm): Promise<void> {
    this.#importAlgorithm = algorithm;
    const { PublicKey, ImportToken } = await this.#perform("GetParametersForImport");
    const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const material = this.kind.spec.startsWith("ECC")
      ? pair().export({ format: "der", type: "pkcs8" })
      : randomBytes(32);
    this.#import = { ImportToken, EncryptedKeyMaterial: wrapped(PublicKey as Uint8Array, algorithm, material) };
    await this.#perform("ImportKeyMaterial");
  }

  /** What needs the key to be enabled, with its material. */
  async prepare(states: readonly string[]): Promise<void> {
    const KeyId = this.#id;
    const { usage } = this.kind;
    const [algorithm] = this.kind.algorithms;
    if (usage === "ENCRYPT_DECRYPT") this.#ciphertext = (await this.#perform("Encrypt"))["CiphertextBlob"];
    if (usage === "ENCAPSULATE_DECAPSULATE") {
      this.#encapsulated = (await this.#perform("Encapsulate"))["SharedSecretCiphertextBlob"];
    }
    if (usage === "KEY_AGREEMENT") this.#publicKey = (await this.ask("GetPublicKey", { KeyId }))["PublicKey"];
    if (usage === "SIGN_VERIFY") this.#signed.set("Verify", (await this.#perform("Sign", algorithm))["Signature"]);
    if (usage === "GENERATE_VERIFY_MAC") {
      this.#signed.set("VerifyMac", (await this.#perform("GenerateMac", algorithm))["Mac"]);
    }
    for (const _ of [...states, ...states]) {
      const grant = { KeyId, GranteePrincipal: this.#root, Operations: ["DescribeKey"] };
      this.#grants.push((await this.ask("CreateGrant", grant))["GrantId"] as string);
    }
  }

  /** By the state that the key is in now. */
  request(operation: string, state: string, algorithm = this.kind.algorithms[0]): object {
    const KeyId = this.#id;
    const { spec, usage } = this.kind;
    const encryption = usage === "ENCRYPT_DECRYPT" ? algorithm : "SYMMETRIC_DEFAULT";
    const signing = usage === "SIGN_VERIFY" ? algorithm : "ECDSA_SHA_256";
    const mac = usage === "GENERATE_VERIFY_MAC" ? algorithm : "HMAC_SHA_256";
    const signature = this.#signed.get("Verify") ?? new Uint8Array(64);
    const ciphertext = this.#ciphertext ?? new Uint8Array(128);
    switch (operation) {
      case "CreateAlias":
        return { AliasName: this.#alias(`made-${state}`), TargetKeyId: KeyId };
      case "CreateGrant":
        return { KeyId, GranteePrincipal: this.#root, Operations: ["DescribeKey"] };
      case "Decapsulate":
        return {
          KeyId,
          SharedSecretCiphertextBlob: this.#encapsulated ?? new Uint8Array(768),
          EncapsulationAlgorithm: "ML_KEM",
        };
      case "Decrypt":
        return { KeyId, CiphertextBlob: ciphertext, EncryptionAlgorithm: encryption };
      case "DeleteAlias":
        return { AliasName: this.#alias(state) };
      case "DeriveSharedSecret":
        return { KeyId, KeyAgreementAlgorithm: "ECDH", PublicKey: this.#publicKey ?? new Uint8Array(91) };
      case "Encapsulate":
        return { KeyId, EncapsulationAlgorithm: "ML_KEM" };
      case "Encrypt":
        return { KeyId, Plaintext: message, EncryptionAlgorithm: encryption };
      case "GenerateDataKey":
      case "GenerateDataKeyWithoutPlaintext":
        return { KeyId, KeySpec: "AES_256" };
      case "GenerateDataKeyPair":
      case "GenerateDataKeyPairWithoutPlaintext":
        return { KeyId, KeyPairSpec: "ECC_NIST_P256" };
      case "GenerateMac":
        return { KeyId, Message: message, MacAlgorithm: mac };
      case "GetParametersForImport":
        return { KeyId, WrappingAlgorithm: this.#importAlgorithm, WrappingKeySpec: "RSA_2048" };
      case "ImportKeyMaterial":
        return { KeyId, ...this.#import, ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE" };
      case "PutKeyPolicy":
        return { KeyId, Policy: policyOf(this.#root) };
      case "ReEncrypt":
        return {
          SourceKeyId: KeyId,
          CiphertextBlob: ciphertext,
          SourceEncryptionAlgorithm: encryption,
          DestinationKeyId: KeyId,
          DestinationEncryptionAlgorithm: encryption,
        };
      case "ReplicateKey":
        return { KeyId, ReplicaRegion: otherRegion };
      case "RetireGrant":
      case "RevokeGrant":
        return { KeyId: this.#arn, GrantId: this.#grants.pop() ?? "0".repeat(64) };
      case "ScheduleKeyDeletion":
        return { KeyId, PendingWindowInDays: 30 };
      case "Sign":
        // The hashed variant takes the hash alone.
        if (signing === "ED25519_PH_SHA_512") {
          return { KeyId, Message: new Uint8Array(64), MessageType: "DIGEST", SigningAlgorithm: signing };
        }
        return { KeyId, Message: message, SigningAlgorithm: signing };
      case "TagResource":
        return { KeyId, Tags: [{ TagKey: "a", TagValue: "b" }] };
      case "UntagResource":
        return { KeyId, TagKeys: ["a"] };
      case "UpdateAlias":
        return { AliasName: this.#alias("own"), TargetKeyId: KeyId };
      case "UpdateKeyDescription":
        return { KeyId, Description: `${spec} in state ${state}` };
      case "UpdatePrimaryRegion":
        return { KeyId, PrimaryRegion: otherRegion };
      case "Verify":
        return { KeyId, Message: message, Signature: signature, SigningAlgorithm: signing };
      case "VerifyMac":
        return { KeyId, Message: message, Mac: this.#signed.get("VerifyMac") ?? new Uint8Array(32), MacAlgorithm: mac };
      default:
        return { KeyId };
    }
  }

  async ask(operation: string, request: object): Promise<Answer> {
    // biome-ignore lint/performance/noDynamicNamespaceImportAccess: every operation of the client
    const Command = client[`${operation}Command` as keyof typeof client] as unknown as new (
      input: object,
    ) => client.DescribeKeyCommand;
    return (await this.#kms.send(new Command(request))) as unknown as Answer;
  }

  async outcome(operation: string, state: string, algorithm?: string): Promise<Outcome> {
    try {
      await this.ask(operation, this.request(operation, state, algorithm));
      return "ok";
    } catch (error) {
      return (error as Error).name;
    }
  }

  async state(): Promise<string> {
    return ((await this.ask("DescribeKey", { KeyId: this.#id }))["KeyMetadata"] as client.KeyMetadata)
      .KeyState as string;
  }

  /** After an operation that worked and that moves a key from `state`. */
  async backTo(state: string, operation: string): Promise<void> {
    const KeyId = this.#id;
    if (operation === "DisableKey" && state !== "Disabled") await this.ask("EnableKey", { KeyId });
    if (operation === "EnableKey" && state === "Disabled") await this.ask("DisableKey", { KeyId });
    if (operation === "UpdatePrimaryRegion") {
      await this.#elsewhere.updatePrimaryRegion({ KeyId, PrimaryRegion: this.#arn.split(":")[3] });
    }
    if (operation === "CancelKeyDeletion") await this.ask("ScheduleKeyDeletion", { KeyId });
    if (operation === "ImportKeyMaterial" && state === "PendingImport")
      await this.ask("DeleteImportedKeyMaterial", { KeyId });
    if (operation === "DeleteImportedKeyMaterial" && (state === "Enabled" || state === "Disabled")) {
      await this.#perform("ImportKeyMaterial");
      if (state === "Disabled") await this.ask("DisableKey", { KeyId });
    }
    if (operation === "ScheduleKeyDeletion") {
      await this.ask("CancelKeyDeletion", { KeyId });
      if (state === "Enabled" || state === "Unavailable") await this.ask("EnableKey", { KeyId });
    }
  }

  #perform(operation: string, algorithm?: string): Promise<Answer> {
    return this.ask(operation, this.request(operation, "Enabled", algorithm));
  }

  get #root(): string {
    return `arn:aws:iam::${this.#arn.split(":")[4]}:root`;
  }

  #alias(purpose: string): string {
    return `alias/matrix/${this.name.replaceAll(" ", "-")}/${purpose}`;
  }
}

const policyOf = (principal: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: principal }, Action: "kms:*", Resource: "*" }],
  });
