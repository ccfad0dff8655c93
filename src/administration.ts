import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Iam } from "./access/iam.ts";
import { openAuditLog } from "./audit/log.ts";
import { verifyChain } from "./audit/verify.ts";
import { systemClock } from "./base/clock.ts";
import { AuditError, ConfigError, HsmError, StoreError } from "./base/errors.ts";
import type { Token } from "./cli/commands/hsm.ts";
import type { User } from "./cli/commands/iam.ts";
import { readConfig } from "./cli/config.ts";
import type { Installation } from "./cli/flags.ts";
import type { Handlers } from "./cli/index.ts";
import { custody } from "./custody.ts";
import { type HsmConfig, type HsmInfo, initHsm, openHsmAdmin, type Pkcs11Config, trustHsm } from "./hsm/index.ts";
import { officerPinOf } from "./hsm/officers.ts";
import { pairHsms } from "./hsm/pairing.ts";
import { rosterTable, type Standing, standingsOf } from "./hsm/roster.ts";
import { withShellEnvironment } from "./hsm/shell-environment.ts";
import { confirmClock } from "./kms/clock-guard.ts";
import { DomainKeys } from "./kms/domain-keys.ts";
import { missingNotice } from "./kms/missing-hsms.ts";
import { operatorIam, serveUntilStopped } from "./operator.ts";
import { findMissingHsms, openParts, startService } from "./service.ts";
import {
  hsmOf,
  noSuchHsm,
  print,
  readText,
  type Site,
  siteOf,
  siteOfInstallation,
  tell,
  withAdmin,
  withParts,
} from "./site.ts";

/** `strongroom serve`: nothing is made for you. */
export async function serve(file: string): Promise<void> {
  const config = readConfig(file);
  const site = siteOf(config, "service");
  const { certificate, key, minVersion } = config.tls;
  const tls = { key: readText(key), cert: readText(certificate), minVersion };
  const parts = await openParts(site);
  const service = await startService({ ...config, ...site, tls }, parts);
  await serveUntilStopped(service, parts);
}

/** The commands that work beside a service, or without one. */
export const administration: Omit<Handlers, "dev" | "serve"> = {
  async hsmInit(of, mode, name) {
    if ("home" in of) throw new ConfigError("a dev service makes its own HSM; name a --config");
    const site = siteOf(readConfig(of.config), "operator");
    if (name !== undefined) return print(await initHsm(hsmOf(site, name), mode));
    if (existsSync(site.store.file))
      throw new ConfigError(`${site.store.file} exists: this installation has been made`);
    const made: HsmInfo[] = [];
    for (const { hsm } of site.hsms) {
      try {
        made.push(await initHsm(hsm, mode));
      } catch (error) {
        // Without a store, a domain key may be what an earlier init has left; one that a store was ever sealed by is not.
        if (!(error instanceof ConfigError)) throw error;
        console.error(`strongroom: ${error.message}`);
      }
    }
    if (made.length > 0) print(site.hsms.length === 1 ? made[0] : made);
    if (mode === "trusted" && made.length > 0) {
      console.error("The security officer is next, `strongroom hsm trust`; `hsm init` makes the store after that.");
      return;
    }
    const parts = await openParts({ ...site, store: { ...site.store, create: true } });
    await parts.close();
    console.error("Losing this HSM without a backup of it is losing every key that is made in it.");
  },

  hsmStatus: (of, name) =>
    withAdmin(hsmOf(siteOfInstallation(of), name), async (admin) =>
      print({
        ...admin.info,
        domainKeys: await admin.domainKeys(),
        pinnedTransportKeys: await admin.pinnedTransportKeys(),
      }),
    ),

  async hsmList(of, json) {
    const site = siteOfInstallation(of);
    const configured = await standingsOf(site.hsms);
    const standings = [...configured, ...(await missingOf(site, configured))];
    if (json) print(standings);
    else console.log(rosterTable(standings));
  },

  hsmPair: (of, name, fingerprints, officers) =>
    withParts(of, async (parts, site) => {
      const replica = site.hsms.find((hsm) => hsm.name === name);
      const original = site.hsms.find((hsm) => hsm.name === replica?.replicaOf);
      if (!replica || !original) throw new ConfigError(`the configuration has no replica named ${name}`);
      const shown = await pairHsms([original, replica], fingerprints, officers);
      if (fingerprints.length > 0) await tell(parts, site, "PairHsms", { fingerprints: shown });
      print({ fingerprints: shown, paired: fingerprints.length > 0 });
    }),

  async hsmTrust(of, officers, publicKeys, name) {
    const site = siteOfInstallation(of);
    const soPin = officerPinOf(officers, name ?? site.hsms[0]?.name ?? "");
    const report = await trustHsm(hsmOf(site, name), { publicKeys, ...(soPin !== undefined && { soPin }) });
    const { directory, chain } = site.audit;
    const log = await openAuditLog(directory, chain);
    await tell({ log }, site, "TrustDomainKey", { ...report }).finally(() => log.close());
    print(report);
  },

  async hsmProbe(of, json, name) {
    const hsm = namedHsm(of, name);
    if (hsm.driver === "soft") return withAdmin(hsm, async (admin) => print(admin.info));
    const { probe } = await import("./hsm/pkcs11/probe.ts");
    const { probePage } = await import("./hsm/pkcs11/probe-page.ts");
    const report = await probe(hsm);
    if (json) print(report);
    else console.log(probePage(report));
  },

  async hsmTest(of, options, name) {
    const { runHsmTest } = await import("./bench/hsm-test.ts");
    await runHsmTest(namedHsm(of, name), options);
  },

  hsmRotateDomainKey: (of, officers, name) =>
    withParts(of, async (parts, site) => {
      const member = name === undefined ? parts.hsms.primary : parts.hsms.named(name);
      if (!member) throw noSuchHsm(site, name);
      const domainKeys = new DomainKeys({ ...parts, member, clock: systemClock, openAdmin: openHsmAdmin });
      const soPin = officerPinOf(officers, member.name);
      const make = async () => {
        const ceremony = { newDomainKey: true, ...(soPin !== undefined && { soPin }) };
        return (await trustHsm(member.config, ceremony)).domainKey ?? "";
      };
      const active = await domainKeys.rotate(member.hsm.info.domainKeyMode === "trusted" ? make : undefined);
      const rewrapped = await domainKeys.rewrap();
      await tell(parts, site, "RotateDomainKey", { hsm: member.name, active, rewrapped });
      print({ active, rewrapped });
    }),

  iamCreateUser: (of, user) =>
    withIam(of, user, async (iam, account) => print(await iam.createUser(account, user.userName))),
  iamDeleteUser: (of, user) => withIam(of, user, (iam, account) => iam.deleteUser(account, user.userName)),
  iamListUsers: (of, whose) => withIam(of, whose, async (iam, account) => print(await iam.listUsers(account))),
  iamCreateAccessKey: (of, user) =>
    withIam(of, user, async (iam, account) => print(await iam.createAccessKey(account, user.userName))),
  iamDeleteAccessKey: (of, { accessKeyId }) => withIam(of, {}, (iam) => iam.deleteAccessKey(accessKeyId)),
  iamUpdateAccessKey: (of, { accessKeyId, status }) =>
    withIam(of, {}, (iam) => iam.setAccessKeyActive(accessKeyId, status === "Active")),
  iamListAccessKeys: (of, user) =>
    withIam(of, user, async (iam, account) => print(await iam.listAccessKeys(account, user.userName))),
  iamListUserPolicies: (of, user) =>
    withIam(of, user, async (iam, account) => print(await iam.userPolicies(account, user.userName))),
  iamPutUserPolicy: (of, { policyName, policyDocument, ...user }) =>
    withIam(of, user, (iam, account) => iam.putUserPolicy(account, user.userName, policyName, policyDocument)),
  iamDeleteUserPolicy: (of, { policyName, ...user }) =>
    withIam(of, user, (iam, account) => iam.deleteUserPolicy(account, user.userName, policyName)),

  async auditVerify(of) {
    const { directory } = siteOfInstallation(of).audit;
    const files = readdirSync(directory).filter((name) => name.endsWith(".jsonl"));
    const reports = await Promise.all(
      files.map(async (file) => ({ file, ...(await verifyChain(join(directory, file))) })),
    );
    print(reports);
    if (reports.some(({ problem }) => problem)) throw new AuditError("a chain does not verify");
  },

  async storeAcceptRollback(of) {
    const site = siteOfInstallation(of);
    const parts = await openParts({ ...site, store: { ...site.store, acceptRollback: true } });
    try {
      const { rollback } = parts.store;
      if (rollback === undefined) throw new ConfigError("the store is not older than its anchor");
      await tell(parts, site, "AcceptRollback", { rollback });
      print({ rollback });
    } finally {
      await parts.close();
    }
  },

  storeRotateRecordKey: (of) =>
    withParts(of, async (parts, site) => {
      await parts.store.rotateRecordKey();
      const resealed = await parts.store.reseal();
      await tell(parts, site, "RotateRecordKey", { resealed });
      print({ resealed });
    }),

  ...custody,

  benchServer: async (options) => (await import("./bench/server.ts")).runServerBench(options),
  benchEngines: async (options) => (await import("./bench/engines.ts")).runEngineBench(options),
  benchLeak: async (options) => (await import("./bench/leak.ts")).runLeakTest(options),
  async benchHsm(options, token) {
    const { runHsmBench } = await import("./bench/hsm.ts");
    if (token === undefined) return runHsmBench(options);
    const hsm = token === "softhsm2" ? token : (withShellEnvironment({ driver: "pkcs11", ...token }) as Pkcs11Config);
    return runHsmBench({ ...options, hsm });
  },

  clockConfirm: (of) =>
    withParts(of, async (parts, site) => {
      await confirmClock(parts.store);
      await tell(parts, site, "ConfirmClock", {});
    }),
};

/** While an HSM is away, nobody knows what it holds. */
async function missingOf(site: Site, configured: readonly Standing[]): Promise<readonly Standing[]> {
  if (!existsSync(site.store.file) || configured.some(({ health }) => !health.ok)) return [];
  try {
    const missing = await findMissingHsms(site);
    return missing.map((one) => ({ ...one, health: { ok: false, detail: missingNotice(one) } }));
  } catch (error) {
    if (![StoreError, HsmError, ConfigError].some((expected) => error instanceof expected)) throw error;
    console.error(`strongroom: which keys are in other HSMs is not known: ${(error as Error).message}`);
    return [];
  }
}

const namedHsm = (of: Installation | Token, name?: string): HsmConfig =>
  "uri" in of ? withShellEnvironment({ driver: "pkcs11", ...of }) : hsmOf(siteOfInstallation(of), name);

const withIam = (
  of: Installation,
  whose: Pick<User, "account">,
  work: (iam: Iam, account: string) => Promise<unknown>,
): Promise<void> =>
  withParts(of, async (parts, { account }) => {
    await work(operatorIam(parts, account, systemClock), whose.account ?? account);
  });
