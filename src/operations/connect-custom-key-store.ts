import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { operation } from "./operation.ts";

/**
 * Done when it answers: what AWS does in the background takes one exchange here, so no store is ever CONNECTING. As on
 * AWS, a connection that fails is the state FAILED, not an exception.
 */
export const connectCustomKeyStore = operation({
  name: "ConnectCustomKeyStore",
  readOnly: false,
  request: structure({ CustomKeyStoreId: customKeyStoreId }),

  async run(kms, call, { CustomKeyStoreId }) {
    const { store, write } = await kms.keyStores.one(call, CustomKeyStoreId);
    if (store.state === "FAILED") throw new KmsError("CustomKeyStoreInvalidStateException", "failed", { id: store.id });
    const errorCode = await kms.keyStores.connect(call, store);
    await kms.commit(call, {
      writes: [write(errorCode ? { ...store, state: "FAILED", errorCode } : { ...store, state: "CONNECTED" })],
      responseElements: {},
    });
    return {};
  },
});
