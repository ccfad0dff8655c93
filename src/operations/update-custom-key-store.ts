import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import { hashPassword } from "../kms/clusters.ts";
import type { FoundStore } from "../kms/custom-key-stores.ts";
import type { Kms } from "../kms/kms.ts";
import type { ClusterConnection, ProxyConnection } from "../model/custom-key-store.ts";
import { optional, structure, type TypeOf } from "../model/shape.ts";
import type { Expectation } from "../store/store.ts";
import { checkAddress, checkConnectivity, checkName, mustBeDisconnected } from "./key-store-checks.ts";
import {
  cloudHsmClusterId,
  customKeyStoreId,
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
  CustomKeyStoreId: customKeyStoreId,
  NewCustomKeyStoreName: optional(customKeyStoreName),
  KeyStorePassword: keyStorePassword,
  CloudHsmClusterId: cloudHsmClusterId,
  XksProxyUriEndpoint: xksProxyUriEndpoint,
  XksProxyUriPath: xksProxyUriPath,
  XksProxyVpcEndpointServiceName: xksProxyVpcEndpointServiceName,
  XksProxyVpcEndpointServiceOwner: xksProxyVpcEndpointServiceOwner,
  XksProxyAuthenticationCredential: xksProxyAuthenticationCredential,
  XksProxyConnectivity: xksProxyConnectivity,
});
type Request = TypeOf<typeof request>;

/**
 * The reference contradicts itself on what a connected store lets change; this follows its text of each member: the name,
 * the path of a proxy and its credential, so that a credential can be rotated without an interruption.
 */
const whileConnected = ["NewCustomKeyStoreName", "XksProxyUriPath", "XksProxyAuthenticationCredential"];

export const updateCustomKeyStore = operation({
  name: "UpdateCustomKeyStore",
  readOnly: false,
  request,

  async run(kms, call, input) {
    const found = await kms.keyStores.one(call, input.CustomKeyStoreId);
    const { store, others, write } = found;
    const changed = Object.keys(input).filter((name) => name !== "CustomKeyStoreId");
    if (changed.length === 0) throw new KmsError("ValidationException", "keyStoreChange");
    checkType(found, changed);
    checkState(found, changed);
    const { NewCustomKeyStoreName: name = store.name } = input;
    checkName(name, others);
    const { proxy, expectations } = await changedProxy(kms, call, input, found);
    const cluster = await changedCluster(kms, input, found);
    await kms.commit(call, {
      writes: [write({ ...store, name, ...(proxy && { proxy }), ...(cluster && { cluster }) })],
      expectations,
      responseElements: {},
    });
    return {};
  },
});

function checkType({ store }: FoundStore, changed: readonly string[]): void {
  const foreign = store.proxy ? /^(KeyStorePassword|CloudHsmClusterId)$/ : /^XksProxy/;
  const name = changed.find((member) => foreign.test(member));
  if (name) throw new KmsError("ValidationException", "keyStoreMember", { member: name });
}

function checkState({ store }: FoundStore, changed: readonly string[]): void {
  if (store.state === "DISCONNECTED") return;
  const allowed = store.state === "CONNECTED" ? whileConnected : ["NewCustomKeyStoreName"];
  if (!changed.every((name) => allowed.includes(name))) throw mustBeDisconnected(store);
}

/** The keys stay where they are: another cluster must be a clone of the one before. */
async function changedCluster(
  kms: Kms,
  { CloudHsmClusterId, KeyStorePassword }: Request,
  { store: { cluster }, others }: FoundStore,
): Promise<ClusterConnection | undefined> {
  if (!cluster) return undefined;
  const { clusters } = kms.keyStores;
  const id = CloudHsmClusterId ?? cluster.id;
  if (id !== cluster.id) {
    clusters.checkRelated(id, cluster);
    await clusters.check(id, cluster.trustAnchor, others);
  }
  const password = KeyStorePassword === undefined ? cluster.password : await hashPassword(KeyStorePassword);
  return { ...cluster, id, password };
}

/** A proxy must answer where and as it is to be asked from now on. */
async function changedProxy(
  kms: Kms,
  call: Call,
  input: Request,
  { store: { proxy }, others }: FoundStore,
): Promise<{ proxy: ProxyConnection | undefined; expectations: readonly Expectation[] }> {
  const { XksProxyUriEndpoint, XksProxyUriPath, XksProxyAuthenticationCredential: credential } = input;
  checkConnectivity(input.XksProxyConnectivity, input.XksProxyVpcEndpointServiceName);
  if (!proxy || !(XksProxyUriEndpoint ?? XksProxyUriPath ?? credential)) return { proxy, expectations: [] };
  const sealed = credential && (await kms.keyStores.sealCredential(call, credential.RawSecretAccessKey));
  const { ekt, replicas, ...place } = proxy;
  const kept = { ekt, ...(replicas && { replicas }) };
  const next = {
    ...place,
    ...(XksProxyUriEndpoint !== undefined && { endpoint: XksProxyUriEndpoint }),
    ...(XksProxyUriPath !== undefined && { path: XksProxyUriPath }),
    ...(credential && sealed ? { accessKeyId: credential.AccessKeyId, ekt: sealed.ekt } : kept),
  };
  checkAddress(next, others);
  await kms.keyStores.checkProxy(call, next);
  return { proxy: next, expectations: sealed ? [sealed.expectation] : [] };
}
