import { structure } from "../model/shape.ts";
import { invalidState } from "./key-store-checks.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { operation } from "./operation.ts";

export const disconnectCustomKeyStore = operation({
  name: "DisconnectCustomKeyStore",
  readOnly: false,
  request: structure({ CustomKeyStoreId: customKeyStoreId }),

  async run(kms, call, { CustomKeyStoreId }) {
    const { store, write } = await kms.keyStores.one(call, CustomKeyStoreId);
    if (store.state === "DISCONNECTED") throw invalidState(store, "CONNECTED or FAILED");
    const { errorCode: _, ...kept } = store;
    await kms.commit(call, { writes: [write({ ...kept, state: "DISCONNECTED" })], responseElements: {} });
    return {};
  },
});
