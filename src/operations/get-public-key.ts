import { fromBase64 } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { algorithmsMember, algorithmsOf } from "../model/algorithms.ts";
import { structure } from "../model/shape.ts";
import { grantTokens, keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const getPublicKey = operation({
  name: "GetPublicKey",
  readOnly: true,
  request: structure({ KeyId: keyId, GrantTokens: grantTokens }),

  async run(kms, call, { KeyId }) {
    const { record, arn } = (await kms.key(call, KeyId, { aliases: true, crossAccount: true })).value;
    if (record.publicKey === undefined && record.materials.length === 0) {
      throw new KmsError("KMSInvalidStateException", "pendingImport", { arn });
    }
    if (record.publicKey === undefined) {
      throw new KmsError("UnsupportedOperationException", "publicKey", { arn, spec: record.spec });
    }
    return {
      KeyId: arn,
      PublicKey: fromBase64(record.publicKey),
      CustomerMasterKeySpec: record.spec,
      KeySpec: record.spec,
      KeyUsage: record.usage,
      [algorithmsMember[record.usage]]: algorithmsOf(record.spec, record.usage),
    };
  },
});
