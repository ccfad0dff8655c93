import { KmsError } from "../base/errors.ts";
import type { CustomKeyStore, ProxyConnection, XksConnectivity } from "../model/custom-key-store.ts";

export function checkName(name: string, others: readonly CustomKeyStore[]): void {
  if (others.some((other) => other.name === name)) {
    throw new KmsError("CustomKeyStoreNameInUseException", "name");
  }
}

/** One proxy API, one key store: else one external key would be that of two KMS keys. */
export function checkAddress({ endpoint, path }: ProxyConnection, others: readonly CustomKeyStore[]): void {
  if (others.some(({ proxy }) => proxy?.endpoint === endpoint && proxy.path === path)) {
    throw new KmsError("XksProxyUriInUseException", "uri");
  }
}

/** A proxy is reached over the network, wherever it is: there are no VPCs here. */
export function checkConnectivity(connectivity: XksConnectivity | undefined, vpcService: string | undefined): void {
  if (connectivity === "VPC_ENDPOINT_SERVICE") {
    throw new KmsError("XksProxyVpcEndpointServiceNotFoundException", "service");
  }
  if (vpcService !== undefined) {
    throw new KmsError("ValidationException", "vpcService");
  }
}

export const mustBeDisconnected = ({ id, state }: CustomKeyStore): KmsError =>
  new KmsError("CustomKeyStoreInvalidStateException", "connected", { id, state });
