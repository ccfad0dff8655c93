import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KmsError } from "../../src/base/errors.ts";
import {
  connectionErrorCodes,
  connectionStates,
  customKeyStoreTypes,
  xksConnectivities,
} from "../../src/model/custom-key-store.ts";
import { grantOperations } from "../../src/model/grant.ts";
import {
  dataKeyPairSpecs,
  dataKeySpecs,
  encapsulationAlgorithms,
  encryptionAlgorithms,
  expirationModels,
  importTypes,
  keyAgreementAlgorithms,
  keySpecs,
  keyStates,
  keyUsages,
  macAlgorithms,
  messageTypes,
  origins,
  signingAlgorithms,
  wrappingAlgorithms,
  wrappingKeySpecs,
} from "../../src/model/key-spec.ts";
import type { Shape } from "../../src/model/shape.ts";
import { checkState } from "../../src/model/state-table.ts";
import { operations } from "../../src/operations/index.ts";
import { documentedEnums, documentedErrors, documentedOperations, expectDocumented, requestOf } from "./documented.ts";

describe("the operations", () => {
  it("are those of the newest client: what AWS adds fails here", () => {
    expect([...operations.keys()].sort()).toEqual([...documentedOperations].sort());
  });

  it.each([...operations.keys()])("%s takes the members of the model, and requires the same", (name) => {
    const members = operations.get(name)?.request.members ?? {};
    const [, , , , names, , required = 0] = requestOf(name);
    expect(Object.keys(members).sort()).toEqual([...names].sort());
    const ours = Object.keys(members).filter((member) => !("optional" in (members[member] as object)));
    expect(ours.sort()).toEqual(names.slice(0, required).sort());
  });

  it.each([...operations.keys()])("%s refuses a key in a state with an error that it declares", (name) => {
    expect(documentedErrors(name).length).toBeGreaterThan(0);
    for (const state of keyStates) {
      try {
        checkState(name, state, "");
      } catch (error) {
        if (error instanceof KmsError) expectDocumented(name, error.code);
        else expect(name).toMatch(keyless);
      }
    }
  });
});

/** They name no key. */
const keyless = /CustomKeyStore|^(CreateKey|GenerateRandom|ListKeys|ListRetirableGrants)$/;

describe("the enumerations", () => {
  const ours: Readonly<Record<string, readonly string[]>> = {
    KeySpec: keySpecs,
    KeyUsageType: keyUsages,
    OriginType: origins,
    KeyState: keyStates,
    EncryptionAlgorithmSpec: encryptionAlgorithms,
    SigningAlgorithmSpec: signingAlgorithms,
    MacAlgorithmSpec: macAlgorithms,
    KeyAgreementAlgorithmSpec: keyAgreementAlgorithms,
    EncapsulationAlgorithmSpec: encapsulationAlgorithms,
    MessageType: messageTypes,
    DataKeySpec: dataKeySpecs,
    DataKeyPairSpec: dataKeyPairSpecs,
    GrantOperation: grantOperations,
    CustomKeyStoreType: customKeyStoreTypes,
    ConnectionStateType: connectionStates,
    ConnectionErrorCodeType: connectionErrorCodes,
    XksProxyConnectivityType: xksConnectivities,
    AlgorithmSpec: wrappingAlgorithms,
    WrappingKeySpec: wrappingKeySpecs,
    ExpirationModelType: expirationModels,
    ImportType: importTypes,
    DryRunModifierType: ["IGNORE_CIPHERTEXT"],
    IncludeKeyMaterial: ["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"],
    KeyEncryptionMechanism: ["RSAES_OAEP_SHA_256"],
    KeyManagerType: ["AWS", "CUSTOMER"],
    RotationType: ["AUTOMATIC", "ON_DEMAND"],
  };

  it.each(Object.entries(ours))("%s has every value of the model", (name, values) => {
    expect([...values].sort()).toEqual([...(documentedEnums.get(name) ?? [])].sort());
  });

  /** Those that no operation above takes, or that say the same in other words. */
  const elsewhere = [
    "CustomerMasterKeySpec",
    "ImportState",
    "KeyLastUsageTrackingOperation",
    "KeyMaterialState",
    "MultiRegionKeyType",
  ];

  it("are all of the model's", () => {
    expect([...Object.keys(ours), ...elsewhere].sort()).toEqual([...documentedEnums.keys()].sort());
  });
});

interface Model {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly sensitive?: boolean;
  readonly enum?: readonly string[];
  readonly member?: Model;
  readonly members?: Readonly<Record<string, Model>>;
}

const model = JSON.parse(readFileSync(new URL("../vectors/kms-api.json", import.meta.url), "utf8")) as {
  readonly operations: Readonly<Record<string, { readonly input: Model }>>;
};

describe("what the model marks as sensitive", () => {
  const marked = [...operations].flatMap(([name, { request }]) =>
    leaves(name, model.operations[name]?.input.members ?? {}, request.members),
  );

  it.each(marked)("$place", ({ shape, type }) => {
    expect(shape.sensitive ?? false).toBe(type.sensitive ?? false);
    if (type.sensitive) expect(shape.audit(type.type === "blob" ? new Uint8Array() : "text")).toBeUndefined();
  });
});

describe("the constraints of the model", () => {
  const constrained = [...operations].flatMap(([name, { request }]) =>
    leaves(name, model.operations[name]?.input.members ?? {}, request.members),
  );

  it("reach every operation that the model has", () => {
    const covered = new Set(constrained.map(({ place }) => place.split(".")[0]));
    for (const name of operations.keys()) if (model.operations[name]?.input.members) expect(covered).toContain(name);
  });

  it.each(constrained)("$place", ({ place, shape, type }) => {
    const problemsOf = (value: unknown): number => {
      const problems: string[] = [];
      shape.read(value, "member", problems);
      return problems.length;
    };
    const { min = 0, max } = type;
    if (type.enum) {
      expectOrder(place, type.enum, problemOf(shape, "NONE"));
      for (const value of type.enum) expect(problemsOf(value), value).toBe(0);
      expect(problemsOf("NONE")).toBe(1);
    } else if (type.type === "integer") {
      expect([min, max].map(problemsOf)).toEqual([0, 0]);
      expect([min - 1, (max as number) + 1].map(problemsOf)).toEqual([1, 1]);
    } else if (type.type === "blob") {
      const ofLength = (length: number) => problemsOf(Buffer.alloc(length).toString("base64"));
      expect(ofLength(min)).toBe(0);
      if (min > 0) expect(ofLength(min - 1)).toBe(1);
      if (max !== undefined) expect([max, max + 1].map(ofLength)).toEqual([0, 1]);
    } else if (type.type === "string") {
      expectText(type, problemsOf);
    } else if (type.member?.enum) {
      expectOrder(place, type.member.enum, problemOf(shape, ["NONE"]));
    } else if (max !== undefined) {
      const item = type.member?.type === "string" ? "x" : {};
      expect(problemsOf(Array(max + 1).fill(item))).toBeGreaterThan(0);
    }
  });
});

/** Of AWS's answers, by member; newer values than those are last. */
const recordedOrders: Readonly<Record<string, string>> = {
  "CreateKey.KeySpec":
    "RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87",
  "CreateKey.KeyUsage": "ENCRYPT_DECRYPT, SIGN_VERIFY, GENERATE_VERIFY_MAC",
  "Decrypt.EncryptionAlgorithm": "RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT",
  "Encrypt.EncryptionAlgorithm": "RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT",
  "GenerateMac.MacAlgorithm": "HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512",
  "Sign.MessageType": "RAW, DIGEST, EXTERNAL_MU",
  "Sign.SigningAlgorithm":
    "RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, RSASSA_PKCS1_V1_5_SHA_256, RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, ECDSA_SHA_256, ECDSA_SHA_384, ECDSA_SHA_512, ED25519_SHA_512, ED25519_PH_SHA_512, SM2DSA, ML_DSA_SHAKE_256",
  "VerifyMac.MacAlgorithm": "HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512",
};

/** Members of the same enumerations. */
const alike: Readonly<Record<string, string>> = {
  "CreateKey.CustomerMasterKeySpec": "CreateKey.KeySpec",
  "ReEncrypt.DestinationEncryptionAlgorithm": "Encrypt.EncryptionAlgorithm",
  "ReEncrypt.SourceEncryptionAlgorithm": "Encrypt.EncryptionAlgorithm",
  "Verify.MessageType": "Sign.MessageType",
  "Verify.SigningAlgorithm": "Sign.SigningAlgorithm",
};

/** The values of the model in its order, and then what is newer. */
function expectOrder(place: string, inModel: readonly string[], problem: string): void {
  const listed = /enum value set: \[(.*)\]$/.exec(problem)?.[1];
  const first = recordedOrders[alike[place] ?? place] ?? inModel.join(", ");
  expect(`${listed}, `, place).toMatch(new RegExp(`^${first}, `));
}

function problemOf(shape: Shape<unknown>, value: unknown): string {
  const problems: string[] = [];
  shape.read(value, "member", problems);
  return problems[0] as string;
}

function expectText({ min = 0, max, pattern }: Model, problemsOf: (value: string) => number): void {
  // Java's patterns match the whole text, and these mean the same in JavaScript.
  const whole = new RegExp(`^(?:${pattern ?? "[^]*"})$`, "u");
  const filler = ["a", "1"].find((character) => whole.test(character.repeat(Math.max(min, 1))));
  if (filler !== undefined) {
    if (max !== undefined) expect([max, max + 1].map((n) => problemsOf(filler.repeat(n)) > 0)).toEqual([false, true]);
    if (min > 0) expect(problemsOf(filler.repeat(min - 1))).toBeGreaterThan(0);
  }
  if (pattern === undefined) return;
  // What is generated is short: where a member must be long, the filler has to do.
  if (min <= 1) {
    const texts = fc
      .stringMatching(whole, { maxLength: Math.min(40, max ?? 40) })
      .filter(({ length }) => length >= min);
    fc.assert(fc.property(texts, (text) => void expect(problemsOf(text), text).toBe(0)));
  }
  expect(problemsOf("\u0000".repeat(Math.max(min, 1)))).toBeGreaterThan(0);
}

/** Every member with a constraint, through structures and lists. */
function leaves(
  place: string,
  members: Readonly<Record<string, Model>>,
  shapes: Readonly<Record<string, Shape<unknown>>>,
): { place: string; shape: Shape<unknown>; type: Model }[] {
  return Object.entries(members).flatMap(([name, type]) => {
    const shape = shapes[name] as Shape<unknown> & { readonly members?: Readonly<Record<string, Shape<unknown>>> };
    const here = `${place}.${name}`;
    if (type.members) return leaves(here, type.members, shape.members ?? {});
    return ["boolean", "timestamp", "map"].includes(type.type) ? [] : [{ place: here, shape, type }];
  });
}
