import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { mustBeDisconnected } from "./key-store-checks.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { operation } from "./operation.ts";

export const deleteCustomKeyStore = operation({
  name: "DeleteCustomKeyStore",
  readOnly: false,
  request: structure({ CustomKeyStoreId: customKeyStoreId }),

  async run(kms, call, { CustomKeyStoreId }) {
    const { store, write } = await kms.keyStores.one(call, CustomKeyStoreId);
    if (store.state !== "DISCONNECTED") throw mustBeDisconnected(store);
    if (await kms.keyStores.hasKeys(call, store)) {
      throw new KmsError("CustomKeyStoreHasCMKsException", "keys", { id: store.id });
    }
    await kms.commit(call, { writes: [write(undefined)], responseElements: {} });
    return {};
  },
});
