import { KmsError } from "../base/errors.ts";
import { wrappingAlgorithms, wrappingKeySpecs } from "../model/key-spec.ts";
import { enumeration, structure } from "../model/shape.ts";
import { wrappingRefusal } from "../model/wrapping.ts";
import { checkRegion } from "./checks.ts";
import { importedKey } from "./imported.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const getParametersForImport = operation({
  name: "GetParametersForImport",
  readOnly: true,
  request: structure({
    KeyId: keyId,
    WrappingAlgorithm: enumeration(wrappingAlgorithms),
    WrappingKeySpec: enumeration(wrappingKeySpecs),
  }),

  async run(kms, call, { KeyId, WrappingAlgorithm, WrappingKeySpec }) {
    const conditions = new Map([
      ["kms:WrappingAlgorithm", WrappingAlgorithm],
      ["kms:WrappingKeySpec", WrappingKeySpec],
    ]);
    const { record, arn } = (await importedKey(kms, call, KeyId, conditions)).value;
    const wrapping = { algorithm: WrappingAlgorithm, keySpec: WrappingKeySpec };
    checkRegion(call.region, WrappingKeySpec);
    const refusal = wrappingRefusal(record.spec, wrapping);
    if (refusal) throw new KmsError(...refusal);
    const { token, publicKey, validTo } = await kms.imports.parameters(record, wrapping, call.now);
    return { KeyId: arn, ImportToken: token, PublicKey: publicKey, ParametersValidTo: new Date(validTo) };
  },
});
