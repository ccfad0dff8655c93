import { keyMetadata } from "../model/key.ts";
import { structure } from "../model/shape.ts";
import { grantTokens, keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const describeKey = operation({
  name: "DescribeKey",
  readOnly: true,
  request: structure({ KeyId: keyId, GrantTokens: grantTokens }),

  async run(kms, call, { KeyId }) {
    const { record, keyStore } = (await kms.key(call, KeyId, { aliases: true, crossAccount: true })).value;
    return { KeyMetadata: keyMetadata(record, keyStore) };
  },
});
