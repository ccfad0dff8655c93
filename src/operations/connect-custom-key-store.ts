import { KmsError } from "../base/errors.ts";
import { structure } from "../model/shape.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { operation } from "./operation.ts";

/** Begins the connection, which kms/key-store-connections.ts makes: one that fails is the state FAILED, not an exception. */
export const connectCustomKeyStore = operation({
  name: "ConnectCustomKeyStore",
  readOnly: false,
  request: structure({ CustomKeyStoreId: customKeyStoreId }),

  async run(kms, call, { CustomKeyStoreId }) {
    const { store, write } = await kms.keyStores.one(call, CustomKeyStoreId);
    const { id, state } = store;
    if (state === "FAILED" || state === "DISCONNECTING") {
      throw new KmsError("CustomKeyStoreInvalidStateException", "failed", { id, state });
    }
    const writes = state === "DISCONNECTED" ? [write({ ...store, state: "CONNECTING" })] : [];
    await kms.commit(call, { writes, responseElements: {} });
    return {};
  },
});
