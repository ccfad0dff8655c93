import type { Principal } from "../access/authorizer.ts";
import { ConfigError } from "../base/errors.ts";
import { namesOfService } from "../model/service.ts";
import type { Caller } from "./caller.ts";

/** Services by name, each with the ARNs of the users whose calls are its own. */
export type ServiceUsers = Readonly<Record<string, readonly string[]>>;

/**
 * Users who are services. One of `services` calls for its account, through the service: AWS's forward access sessions.
 * One of `principals` calls in the service's own name, in any account whose key policies or grants name it; what it makes
 * for itself is in its own account, where no customer sees it: AWS owned keys.
 */
export class ServiceCallers {
  readonly #through: ReadonlyMap<string, string>;
  readonly #principals: ReadonlyMap<string, string>;

  /** ConfigError: a user has two places. */
  constructor(services: ServiceUsers, principals: ServiceUsers) {
    this.#through = byUser(services);
    this.#principals = byUser(principals);
    const twice = [...this.#principals.keys()].find((arn) => this.#through.has(arn));
    if (twice !== undefined) throw new ConfigError(`${twice} is in services and in servicePrincipals`);
  }

  /** Who calls, as policies see it. */
  known(caller: Caller): Caller {
    const { principal, region, source } = caller;
    const name = this.#principals.get(principal.arn);
    if (name !== undefined) return { ...caller, principal: servicePrincipal(principal, name, region) };
    const service = this.#through.get(principal.arn);
    if (service === undefined && source === undefined) return caller;
    const { source: _unbelieved, ...believed } = caller;
    return service === undefined ? believed : { ...believed, service };
  }
}

const servicePrincipal = ({ account, accessKeyId, policies }: Principal, name: string, region: string): Principal => ({
  type: "AWSService",
  account,
  arn: name,
  id: undefined,
  accessKeyId,
  policies,
  serviceNames: namesOfService(name, region),
});

function byUser(services: ServiceUsers): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const [service, arns] of Object.entries(services)) {
    for (const arn of arns) {
      const other = users.get(arn) ?? service;
      if (other !== service) throw new ConfigError(`${arn} is a user of ${other} and of ${service}`);
      users.set(arn, service);
    }
  }
  return users;
}
