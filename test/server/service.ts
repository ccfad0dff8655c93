import type { Principal } from "../../src/access/authorizer.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { Caller } from "../../src/kms/caller.ts";
import { type ListenerOptions, listen } from "../../src/server/listener.ts";
import type { AccessKey, Services } from "../../src/server/services.ts";
import { selfSigned } from "./certificate.ts";
import { accessKeyId, kDate, region } from "./signer.ts";

const principal: Principal = {
  type: "IAMUser",
  account: "111122223333",
  arn: "arn:aws:iam::111122223333:user/alice",
  id: "AIDAEXAMPLE",
  name: "alice",
  accessKeyId,
  policies: [],
};

export type Perform = (operation: string, caller: Caller, body: string) => Promise<Record<string, unknown> | undefined>;

export const echo: Perform = async (operation, _caller, body) => ({ operation, body });

/** A listener on any free port, over one access key; `key` changes what is known of it. */
export async function startService(
  perform: Perform = echo,
  options: Partial<ListenerOptions> = {},
  key: Partial<AccessKey> = {},
) {
  const log: Record<string, unknown>[] = [];
  const derivations: string[] = [];
  const services: Services = {
    async accessKey(id) {
      if (id !== accessKeyId) return undefined;
      return {
        principal,
        active: true,
        revision: 1,
        async kDate(date) {
          derivations.push(date);
          return kDate(date);
        },
        ...key,
      };
    },
    perform: (operation, caller, body) => perform(operation, caller, Buffer.from(body).toString()),
  };
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: await selfSigned(),
    regions: [region],
    clock: systemClock,
    services,
    writeLog: (line) => log.push(JSON.parse(line)),
    ...options,
  });
  return { ...listener, host: new URL(listener.url).host, log, derivations };
}

export type Service = Awaited<ReturnType<typeof startService>>;
