import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { operation } from "./operation.ts";

/** Its keys are unavailable when this answers; kms/key-store-connections.ts does the rest. */
export const disconnectCustomKeyStore = operation({
  name: "DisconnectCustomKeyStore",
  readOnly: false,
  request: structure({ CustomKeyStoreId: customKeyStoreId }),

  async run(kms, call, { CustomKeyStoreId }) {
    const { store, write } = await kms.keyStores.one(call, CustomKeyStoreId);
    const { errorCode: _, ...kept } = store;
    const { id, state } = store;
    if (state === "DISCONNECTED" || state === "DISCONNECTING") {
      throw new KmsError("CustomKeyStoreInvalidStateException", "disconnected", { id, state });
    }
    await kms.commit(call, { writes: [write({ ...kept, state: "DISCONNECTING" })], responseElements: {} });
    return {};
  },
});
