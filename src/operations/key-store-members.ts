import { xksConnectivities } from "../model/custom-key-store.ts";
import { enumeration, optional, sensitive, string, structure, unaudited } from "../model/shape.ts";

/** Members of the operations on custom key stores, with the constraints of the API model. */
export const customKeyStoreId = string({ min: 1, max: 64 });
export const customKeyStoreName = string({ min: 1, max: 256 });
export const cloudHsmClusterId = optional(string({ min: 19, max: 24, pattern: /^cluster-[2-7a-zA-Z]{11,16}$/ }));
export const keyStorePassword = optional(sensitive(string({ min: 7, max: 32 })));
export const xksProxyUriEndpoint = optional(string({ min: 10, max: 128, pattern: /^https:\/\/[a-zA-Z0-9.-]+$/ }));
export const xksProxyUriPath = optional(
  string({ min: 10, max: 128, pattern: /^(\/[a-zA-Z0-9/_-]+\/kms\/xks\/v\d{1,2}|\/kms\/xks\/v\d{1,2})$/ }),
);
export const xksProxyVpcEndpointServiceName = optional(
  string({ min: 20, max: 64, pattern: /^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$/ }),
);
export const xksProxyVpcEndpointServiceOwner = optional(string({ min: 12, max: 12, pattern: /^[0-9]{12}$/ }));
export const xksProxyAuthenticationCredential = optional(
  unaudited(
    structure({
      AccessKeyId: sensitive(string({ min: 20, max: 30, pattern: /^[A-Z2-7]+$/ })),
      RawSecretAccessKey: sensitive(string({ min: 43, max: 64, pattern: /^[a-zA-Z0-9/+=]+$/ })),
    }),
  ),
);
export const xksProxyConnectivity = optional(enumeration(xksConnectivities));
