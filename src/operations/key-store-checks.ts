import { KmsError } from "../base/errors.ts";
import type { CustomKeyStore, ProxyConnection, XksConnectivity } from "../model/custom-key-store.ts";

export const invalid = (text: string): never => {
  throw new KmsError("ValidationException", text);
};

export function checkName(name: string, others: readonly CustomKeyStore[]): void {
  if (others.some((other) => other.name === name)) {
    throw new KmsError("CustomKeyStoreNameInUseException", "Another custom key store has this name.");
  }
}

/** One proxy API, one key store: else one external key would be that of two KMS keys. */
export function checkAddress({ endpoint, path }: ProxyConnection, others: readonly CustomKeyStore[]): void {
  if (others.some(({ proxy }) => proxy?.endpoint === endpoint && proxy.path === path)) {
    throw new KmsError("XksProxyUriInUseException", "Another external key store has this proxy endpoint and path.");
  }
}

/** A proxy is reached over the network, wherever it is: there are no VPCs here. */
export function checkConnectivity(connectivity: XksConnectivity | undefined, vpcService: string | undefined): void {
  if (connectivity === "VPC_ENDPOINT_SERVICE") {
    throw new KmsError(
      "XksProxyVpcEndpointServiceNotFoundException",
      "There are no Amazon VPC endpoint services here. PUBLIC_ENDPOINT is for every proxy that the configuration lists.",
    );
  }
  if (vpcService !== undefined) {
    invalid("XksProxyVpcEndpointServiceName goes with XksProxyConnectivity VPC_ENDPOINT_SERVICE.");
  }
}

export const invalidState = ({ id, state }: CustomKeyStore, needed: string): KmsError =>
  new KmsError("CustomKeyStoreInvalidStateException", `The custom key store ${id} is ${state}; it must be ${needed}.`);
