import { authorizer } from "./access/evaluate.ts";
import { Principals } from "./access/principals.ts";
import { type AuditLog, openAuditLog } from "./audit/log.ts";
import { Outbox } from "./audit/outbox.ts";
import type { Clock } from "./base/clock.ts";
import type { Address } from "./cli/address.ts";
import { openEngine } from "./engine/index.ts";
import { HsmSet } from "./hsm/hsm-set.ts";
import { type ConfiguredHsm, openHsmAdmin } from "./hsm/index.ts";
import { startHousekeeping } from "./kms/jobs.ts";
import type { KeyStoreConfig } from "./kms/key-store-config.ts";
import { Kms } from "./kms/kms.ts";
import { type MissingHsm, MissingHsms, missingHsms } from "./kms/missing-hsms.ts";
import { Readiness } from "./kms/readiness.ts";
import type { ServiceUsers } from "./kms/service-callers.ts";
import { perform } from "./operations/perform.ts";
import { type DevControls, listenAdmin } from "./server/admin.ts";
import { listen } from "./server/listener.ts";
import { describeFailure, ServerLog } from "./server/log.ts";
import type { TlsIdentity } from "./server/tls.ts";
import { openSealed, type SealedStore } from "./store/sealed.ts";
import { openSqlite } from "./store/sqlite/sqlite.ts";

/** Where the state of a deployment is. */
export interface Premises {
  /** The first is the primary. */
  readonly hsms: readonly ConfiguredHsm[];
  readonly store: { readonly file: string; readonly create: boolean; readonly acceptRollback?: boolean };
  /** The audit folder, and the name of this process's chain in it. */
  readonly audit: { readonly directory: string; readonly chain: string };
  readonly clock: Clock;
}

/** What the service and the commands work with, opened from the bottom up. */
export interface Parts {
  readonly hsms: HsmSet;
  readonly store: SealedStore;
  readonly log: AuditLog;
  readonly outbox: Outbox;
  readonly principals: Principals;
  close(): Promise<void>;
}

export async function openParts(premises: Premises): Promise<Parts> {
  const opened: { close(): Promise<void> }[] = [];
  const open = async <T extends { close(): Promise<void> }>(part: Promise<T>): Promise<T> => {
    opened.unshift(await part);
    return part;
  };
  const close = async (): Promise<void> => {
    for (const part of opened.splice(0)) await part.close();
  };
  try {
    const { file, create, acceptRollback = false } = premises.store;
    const engine = await openEngine("wasm");
    const hsms = await open(HsmSet.open(premises.hsms));
    const log = await open(openAuditLog(premises.audit.directory, premises.audit.chain));
    const store = await open(openSealed(await openSqlite(file, { create }), hsms, engine, { create, acceptRollback }));
    const outbox = new Outbox(store, log);
    await outbox.recover();
    return { hsms, store, log, outbox, principals: new Principals(store, hsms), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** For a command beside others: it writes no audit log, which one of them may be writing. */
export async function findMissingHsms({ hsms: configured, store: { file } }: Premises): Promise<readonly MissingHsm[]> {
  const hsms = await HsmSet.open(configured);
  try {
    const store = await openSealed(await openSqlite(file), hsms, await openEngine("wasm"));
    return await missingHsms({ store, hsms }).finally(() => store.close());
  } finally {
    await hsms.close();
  }
}

export interface ServiceConfig extends Premises {
  readonly listen: Address;
  readonly adminListen: Address;
  readonly tls: TlsIdentity;
  readonly regions: readonly string[];
  readonly services?: ServiceUsers | undefined;
  readonly servicePrincipals?: ServiceUsers | undefined;
  readonly attestation?: { readonly roots: string } | undefined;
  readonly keyStores?: KeyStoreConfig | undefined;
  readonly quotas?: { readonly keysPerRegion?: number } | undefined;
}

export interface Service {
  readonly endpoint: string;
  readonly admin: string;
  /** Answers what is in flight, then closes everything. */
  stop(): Promise<void>;
}

/** How long requests in flight may take once the service is asked to stop, in milliseconds. */
const drainDeadline = 10_000;

/** Starts the service over parts that are open, and stops with them. */
export async function startService(
  config: ServiceConfig,
  parts: Parts,
  controls?: (kms: Kms, runJobs: () => Promise<void>) => DevControls,
): Promise<Service> {
  const { hsms, store, log, outbox, principals } = parts;
  const operatorLog = new ServerLog(config.clock);
  const tell = (name: string, notice: string) => operatorLog.write("hsm", { name, notice });
  for (const member of hsms.members) member.watch((notice) => tell(member.name, notice));
  const missing = new MissingHsms({ store, hsms }, tell);
  const attestation = config.attestation && (await openAttestation(config.attestation.roots));
  const kms = new Kms({
    regions: config.regions,
    store,
    hsms,
    authorizer,
    principals,
    sink: log,
    outbox,
    clock: config.clock,
    services: config.services,
    servicePrincipals: config.servicePrincipals,
    attestation,
    keyStores: config.keyStores,
    quotas: config.quotas,
  });
  const jobs = await startHousekeeping(
    { store, hsms, principals, outbox, kms, missing, clock: config.clock, openAdmin: openHsmAdmin },
    (job, error) => operatorLog.write("job failed", { job, ...describeFailure(error) }),
  );
  const readiness = new Readiness({ store, hsms, missing, log });
  const admin = await listenAdmin({
    ...config.adminListen,
    ready: () => readiness.check(),
    ...(controls && { dev: controls(kms, () => jobs.runAll()) }),
  });
  const listener = await listen({
    ...config.listen,
    tls: config.tls,
    regions: config.regions,
    clock: config.clock,
    services: {
      accessKey: (id) => principals.lookup(id),
      perform: (operation, caller, body) => perform(kms, operation, caller, body),
    },
  });
  return {
    endpoint: listener.url,
    admin: admin.url,
    async stop() {
      await listener.close(drainDeadline);
      await Promise.all([admin.close(drainDeadline), jobs.stop()]);
      await kms.lastUsage.flush();
      await outbox.flush();
      await parts.close();
    },
  };
}

/** What reads certificates and CMS is loaded where somebody is trusted to attest. */
const openAttestation = async (roots: string) => (await import("./attestation/attestation.ts")).openAttestation(roots);
