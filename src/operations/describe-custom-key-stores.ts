import { KmsError } from "../base/errors.ts";
import { noStore } from "../kms/custom-key-stores.ts";
import { describeStore } from "../model/custom-key-store.ts";
import { optional, structure } from "../model/shape.ts";
import { customKeyStoreId, customKeyStoreName } from "./key-store-members.ts";
import { limit, marker } from "./members.ts";
import { operation } from "./operation.ts";
import { pageOf } from "./page.ts";

export const describeCustomKeyStores = operation({
  name: "DescribeCustomKeyStores",
  readOnly: true,
  request: structure({
    CustomKeyStoreId: optional(customKeyStoreId),
    CustomKeyStoreName: optional(customKeyStoreName),
    Limit: limit,
    Marker: marker,
  }),

  async run(kms, call, request) {
    const { CustomKeyStoreId: id, CustomKeyStoreName: name } = request;
    const { stores } = await kms.keyStores.all(call);
    if (id !== undefined && name !== undefined) {
      throw new KmsError("ValidationException", "keyStoreFilter");
    }
    const asked = stores.filter(
      (store) => (id === undefined || store.id === id) && (name === undefined || store.name === name),
    );
    if (asked.length === 0 && (id ?? name) !== undefined) throw noStore();
    const sorted = asked.toSorted((a, b) => a.createdAt - b.createdAt);
    const { items, next } = await kms.lists.slice(call, pageOf("DescribeCustomKeyStores", request), "", sorted);
    return { CustomKeyStores: items.map(describeStore), NextMarker: next, Truncated: next !== undefined };
  },
});
