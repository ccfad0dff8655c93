import {
  dataKeySpecs,
  encapsulationAlgorithms,
  encryptionAlgorithms,
  listed,
  macAlgorithms,
  messageTypes,
  signingAlgorithms,
} from "../model/key-spec.ts";
import {
  blob,
  boolean,
  enumeration,
  integer,
  list,
  optional,
  sensitive,
  string,
  stringMap,
  structure,
  unaudited,
} from "../model/shape.ts";

/** Members that several requests share, with the constraints of the API model. */
export const keyId = string({ min: 1, max: 2048, pattern: /^\p{ASCII}+$/u });
export const aliasName = string({ min: 1, max: 256, pattern: /^[a-zA-Z0-9:/_-]+$/ });
export const description = string({ max: 8192 });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the model's own pattern
export const policy = string({ min: 1, max: 131_072, pattern: /^[\u0009\u000A\u000D\u0020-\u00FF]+$/ });
export const policyName = optional(string({ min: 1, max: 128, pattern: /^\w+$/ }));
export const plaintext = sensitive(blob({ min: 1, max: 4096 }));
/** To be signed, or to have a MAC. */
export const message = plaintext;
export const messageType = optional(enumeration(messageTypes));
export const signingAlgorithm = enumeration(signingAlgorithms, listed.SigningAlgorithm);
export const macAlgorithm = enumeration(macAlgorithms, listed.MacAlgorithm);
export const encapsulationAlgorithm = enumeration(encapsulationAlgorithms);
export const signature = blob({ min: 1, max: 6144 });
export const ciphertextBlob = blob({ min: 1, max: 6144 });
export const encryptionContext = optional(stringMap());
export const encryptionAlgorithm = optional(enumeration(encryptionAlgorithms, listed.EncryptionAlgorithm));
export const grantToken = string({ min: 1, max: 8192 });
export const grantTokens = optional(unaudited(list(grantToken, { max: 10 })));
export const grantId = string({ min: 1, max: 128 });
export const principal = optional(string({ min: 1, max: 256, pattern: /^[\w+=,.@:/-]+$/ }));
export const servicePrincipal = optional(
  string({ min: 1, max: 128, pattern: /^([A-Za-z0-9-]+)\.([A-Za-z0-9-]+)(\.[A-Za-z0-9-]+)+$/ }),
);
export const dryRun = optional(boolean);
export const dryRunModifiers = optional(list(enumeration(["IGNORE_CIPHERTEXT"])));
export const keyMaterialId = string({ min: 64, max: 64, pattern: /^[a-f0-9]+$/ });
export const marker = optional(string({ min: 1, max: 1024, pattern: /^[\u0020-\u00FF]*$/ }));
export const region = string({ min: 1, max: 32, pattern: /^([a-z]+-){2,3}\d+$/ });
export const limit = optional(integer({ min: 1, max: 1000 }));
export const tags = list(structure({ TagKey: string({ min: 1, max: 128 }), TagValue: string({ max: 256 }) }), {
  max: 200,
});

/** An attestation document for an enclave. */
export const recipient = optional(
  structure({
    KeyEncryptionAlgorithm: optional(enumeration(["RSAES_OAEP_SHA_256"])),
    AttestationDocument: optional(blob({ min: 1, max: 262_144 })),
  }),
);

export const dataKeySpec = optional(enumeration(dataKeySpecs));
export const numberOfBytes = optional(integer({ min: 1, max: 1024 }));
