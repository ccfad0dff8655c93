import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { Iam } from "./access/iam.ts";
import type { Actor } from "./audit/event.ts";
import type { Clock } from "./base/clock.ts";
import { DomainRecords } from "./kms/domain-record.ts";
import type { Parts, Service } from "./service.ts";

/** Whoever runs a command on the machine itself, as the audit log names them. */
export function operator(account: string): Actor {
  const name = userInfo().username;
  return {
    principal: { type: "Operator", account, arn: `arn:aws:iam::${account}:operator/${name}`, id: name, name },
    region: "local",
    requestId: randomUUID(),
    address: "127.0.0.1",
    userAgent: "strongroom",
  };
}

/** Users and access keys, administered by the operator. */
export function operatorIam({ store, hsms, outbox, principals }: Parts, account: string, clock: Clock): Iam {
  const domain = new DomainRecords(store);
  const actor = operator(account);
  return new Iam({
    store,
    hsms,
    outbox,
    principals,
    clock,
    actor,
    domainExpectation: (hsm) => domain.expectation(hsm),
  });
}

/** Prints how to reach the service, and serves until a signal asks for an orderly stop. */
export async function serveUntilStopped(service: Service, parts: Parts, lines: readonly string[] = []): Promise<void> {
  const signal = Promise.withResolvers<void>();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => signal.resolve());
  const { endpoint, admin } = service;
  console.log([...lines, `endpoint ${endpoint}`, `admin ${admin}`, `ready ${endpoint}`].join("\n"));
  const failure = await Promise.race([signal.promise, parts.log.failed]);
  // Nobody knows what of the log is on the disk: nothing more may be answered, and nothing tidied up.
  if (failure) {
    console.error(`strongroom: ${failure.message}`);
    process.exit(1);
  }
  await service.stop();
}
