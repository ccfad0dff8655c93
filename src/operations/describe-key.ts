import { keyMetadata } from "../model/key.ts";
import { structure } from "../model/shape.ts";
import { grantTokens, keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const describeKey = operation({
  name: "DescribeKey",
  readOnly: true,
  request: structure({ KeyId: keyId, GrantTokens: grantTokens }),

  async run(kms, call, { KeyId }) {
    const key = await kms.key(call, KeyId, { aliases: true, crossAccount: true });
    return { KeyMetadata: keyMetadata(key.value.record) };
  },
});
