import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import { hashPassword } from "../kms/clusters.ts";
import { newStoreId } from "../kms/custom-key-stores.ts";
import { writeKeyStores } from "../kms/key-store-records.ts";
import type { Kms } from "../kms/kms.ts";
import { type CustomKeyStore, customKeyStoreTypes } from "../model/custom-key-store.ts";
import { quotas } from "../model/quotas.ts";
import { enumeration, optional, string, structure, type TypeOf } from "../model/shape.ts";
import type { Expectation } from "../store/store.ts";
import { checkAddress, checkConnectivity, checkName } from "./key-store-checks.ts";
import {
  cloudHsmClusterId,
  customKeyStoreName,
  keyStorePassword,
  xksProxyAuthenticationCredential,
  xksProxyConnectivity,
  xksProxyUriEndpoint,
  xksProxyUriPath,
  xksProxyVpcEndpointServiceName,
  xksProxyVpcEndpointServiceOwner,
} from "./key-store-members.ts";
import { operation } from "./operation.ts";

const request = structure({
  CustomKeyStoreName: customKeyStoreName,
  CloudHsmClusterId: cloudHsmClusterId,
  TrustAnchorCertificate: optional(string({ min: 1, max: 5000 })),
  KeyStorePassword: keyStorePassword,
  CustomKeyStoreType: optional(enumeration(customKeyStoreTypes)),
  XksProxyUriEndpoint: xksProxyUriEndpoint,
  XksProxyUriPath: xksProxyUriPath,
  XksProxyVpcEndpointServiceName: xksProxyVpcEndpointServiceName,
  XksProxyVpcEndpointServiceOwner: xksProxyVpcEndpointServiceOwner,
  XksProxyAuthenticationCredential: xksProxyAuthenticationCredential,
  XksProxyConnectivity: xksProxyConnectivity,
});
type Request = TypeOf<typeof request>;

export const createCustomKeyStore = operation({
  name: "CreateCustomKeyStore",
  readOnly: false,
  request,

  async run(kms, call, input) {
    const { stores, revision } = await kms.keyStores.all(call);
    const limit = quotas.customKeyStoresPerRegion;
    if (stores.length >= limit) throw new KmsError("LimitExceededException", "customKeyStoresPerRegion", { limit });
    checkName(input.CustomKeyStoreName, stores);
    const external = input.CustomKeyStoreType === "EXTERNAL_KEY_STORE";
    const { expectations, ...connection } = await (external ? behindProxy : inCluster)(kms, call, input, stores);
    const id = newStoreId();
    const { CustomKeyStoreName: name } = input;
    const store: CustomKeyStore = { id, name, createdAt: call.now, state: "DISCONNECTED", ...connection };
    await kms.commit(call, {
      writes: [writeKeyStores(call.account, call.region, [...stores, store], revision)],
      expectations,
      responseElements: { customKeyStoreId: id },
    });
    return { CustomKeyStoreId: id };
  },
});

interface Connection extends Pick<CustomKeyStore, "cluster" | "proxy"> {
  readonly expectations: readonly Expectation[];
}

/** The proxy must answer before there is a key store. */
async function behindProxy(
  kms: Kms,
  call: Call,
  input: Request,
  stores: readonly CustomKeyStore[],
): Promise<Connection> {
  const { XksProxyUriEndpoint: endpoint, XksProxyUriPath: path, XksProxyConnectivity: connectivity } = input;
  const { XksProxyAuthenticationCredential: credential } = input;
  if (!endpoint || !path || !credential || !connectivity) {
    throw new KmsError("ValidationException", "xksNeeds");
  }
  if (input.CloudHsmClusterId ?? input.TrustAnchorCertificate ?? input.KeyStorePassword) {
    throw new KmsError("ValidationException", "cloudHsmMembers");
  }
  checkConnectivity(connectivity, input.XksProxyVpcEndpointServiceName);
  const { ekt, expectation } = await kms.keyStores.sealCredential(call, credential.RawSecretAccessKey);
  const proxy = { endpoint, path, accessKeyId: credential.AccessKeyId, ekt };
  checkAddress(proxy, stores);
  await kms.keyStores.checkProxy(call, proxy);
  return { proxy, expectations: [expectation] };
}

/** The cluster is an HSM of the configuration. Whether the password is right shows when it is connected, as on AWS. */
async function inCluster(
  kms: Kms,
  _call: Call,
  input: Request,
  stores: readonly CustomKeyStore[],
): Promise<Connection> {
  const { CloudHsmClusterId: id, TrustAnchorCertificate: trustAnchor, KeyStorePassword: password } = input;
  if (!id || !trustAnchor || !password) {
    throw new KmsError("ValidationException", "cloudHsmNeeds");
  }
  if (Object.keys(input).some((name) => name.startsWith("XksProxy"))) {
    throw new KmsError("ValidationException", "xksMembers");
  }
  await kms.keyStores.clusters.check(id, trustAnchor, stores);
  return { cluster: { id, trustAnchor, password: await hashPassword(password) }, expectations: [] };
}
