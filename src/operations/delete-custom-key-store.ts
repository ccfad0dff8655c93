import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { invalidState } from "./key-store-checks.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { operation } from "./operation.ts";

export const deleteCustomKeyStore = operation({
  name: "DeleteCustomKeyStore",
  readOnly: false,
  request: structure({ CustomKeyStoreId: customKeyStoreId }),

  async run(kms, call, { CustomKeyStoreId }) {
    const { store, write } = await kms.keyStores.one(call, CustomKeyStoreId);
    if (store.state !== "DISCONNECTED") throw invalidState(store, "DISCONNECTED");
    if (await kms.keyStores.hasKeys(call, store)) {
      throw new KmsError("CustomKeyStoreHasCMKsException", `There are KMS keys in the custom key store ${store.id}.`);
    }
    await kms.commit(call, { writes: [write(undefined)], responseElements: {} });
    return {};
  },
});
