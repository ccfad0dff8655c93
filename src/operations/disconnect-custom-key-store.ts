import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { operation } from "./operation.ts";

export const disconnectCustomKeyStore = operation({
  name: "DisconnectCustomKeyStore",
  readOnly: false,
  request: structure({ CustomKeyStoreId: customKeyStoreId }),

  async run(kms, call, { CustomKeyStoreId }) {
    const { store, write } = await kms.keyStores.one(call, CustomKeyStoreId);
    if (store.state === "DISCONNECTED")
      throw new KmsError("CustomKeyStoreInvalidStateException", "disconnected", { id: store.id });
    const { errorCode: _, ...kept } = store;
    await kms.commit(call, { writes: [write({ ...kept, state: "DISCONNECTED" })], responseElements: {} });
    return {};
  },
});
