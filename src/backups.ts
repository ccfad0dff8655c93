import { existsSync } from "node:fs";
import { openAuditLog } from "./audit/log.ts";
import { Outbox } from "./audit/outbox.ts";
import { makeBackup, type Recipients } from "./backup/backup.ts";
import { readBackup } from "./backup/file.ts";
import { officerKeyOf, officerOf, openByOfficer } from "./backup/officers.ts";
import { OpenBackup } from "./backup/restore.ts";
import { formatShare, type OpenedShare, parseShare } from "./backup/shares.ts";
import { applyTombstones, formatTombstones } from "./backup/tombstones.ts";
import { transportOf } from "./backup/vault.ts";
import { type Bytes, equalBytes, fromBase64 } from "./base/bytes.ts";
import { systemClock } from "./base/clock.ts";
import { ConfigError } from "./base/errors.ts";
import { writePrivateFile } from "./base/private-file.ts";
import { secret, secretFrom, wipe } from "./base/secret.ts";
import type { BackupHandlers, BackupOptions } from "./cli/commands/custody.ts";
import { openHome } from "./cli/home.ts";
import { developmentFiles, ensureHome } from "./development.ts";
import { openEngine } from "./engine/index.ts";
import { HsmSet } from "./hsm/hsm-set.ts";
import { initHsm } from "./hsm/index.ts";
import { admit } from "./hsm/officers.ts";
import { readPrivateFile, readSecret } from "./hsm/secret-reference.ts";
import { Source } from "./kms/transfer.ts";
import { openParts } from "./service.ts";
import { print, readText, type Site, siteOfInstallation, tell, withParts } from "./site.ts";
import { decodeAnchor } from "./store/anchor.ts";

/** The commands that put the keys and the store into a file which officers open together, and take them out again. */
export const backups: BackupHandlers = {
  hsmBackup: (of, options) =>
    withParts(of, async (parts, site) => {
      const recipients = recipientsOf(options);
      const sources = await openSources(site);
      try {
        if ("like" in recipients && options.fingerprint !== undefined) {
          const transport = transportOf(readBackup(recipients.like).contents.recovery);
          assertFingerprint(options.fingerprint, transport.fingerprint);
          await admit(sources, transport, options.officerPins);
        }
        const { out, incomplete, keepDays, officerPins } = options;
        const until = Date.now() + keepDays * day;
        const place = { ...parts, sources, storeFile: site.store.file, engine: await openEngine("wasm") };
        const report = await makeBackup(place, {
          out,
          recipients,
          account: site.account,
          until,
          incomplete,
          officerPins,
        });
        await tell(parts, site, "BackUpKeys", { ...report, until: new Date(until).toISOString() });
        print({ out, ...report });
      } finally {
        for (const source of sources) await source.close();
      }
    }),

  hsmTombstones: (of, out) =>
    withParts(of, async ({ store }) => writePrivateFile(out, await formatTombstones(store, new Date()))),

  async hsmOpenShare({ from, officerKey, passphrase, out }) {
    const { recovery } = readBackup(from).contents;
    const [pem, spoken] = [readKeyFile(officerKey), passphrase === undefined ? undefined : readSecret(passphrase)];
    try {
      const { key, fingerprint: officer } = officerKeyOf(pem, spoken);
      const own = recovery.shares.find((share) => share.officer === officer);
      if (!own) throw new ConfigError(`${officerKey} is the key of no officer of this backup`);
      const backup = recovery.transport.fingerprint;
      const share = await openByOfficer(key, backup, fromBase64(own.sealed) as Bytes);
      try {
        writePrivateFile(out, formatShare({ backup, officer, share }));
      } finally {
        wipe(share);
      }
      print({ out, transportKey: backup, officer });
    } finally {
      wipe(pem, spoken);
    }
  },

  async hsmRestore(of, options) {
    const file = "home" in of ? developmentFiles(openHome(of.home)).store : siteOfInstallation(of).store.file;
    if (existsSync(file)) throw new ConfigError(`${file} exists: this installation has been made`);
    const tombstones = options.tombstones === undefined ? undefined : readText(options.tombstones);
    const shares = options.shares.map(readShare);
    const opened = OpenBackup.open(options.from, shares, `${file}.restoring`, await openEngine("wasm"));
    const backup = await opened.finally(() => wipe(...shares.map(({ share }) => share)));
    try {
      if ("home" in of) await ensureHome(developmentFiles(of.home), { ...backup.contents, hsm: options.hsm });
      const site = siteOfInstallation(of);
      const report = await restoreInto(backup, site, tombstones, options.incomplete);
      // An HSM that has served this store remembers it as it was last.
      const parts = await openParts({ ...site, store: { file, create: false, acceptRollback: true } });
      await tell(parts, site, "RestoreKeys", report);
      await parts.close();
      print(report);
    } finally {
      await backup.close();
    }
  },
};

const day = 86_400_000;

/** Those that answer: what they hold for others, they give. Throws where none does. */
async function openSources({ hsms }: Site): Promise<Source[]> {
  const opened = await Promise.allSettled(hsms.map((hsm) => Source.open(hsm)));
  const sources = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  if (sources.length > 0) return sources;
  throw (opened[0] as PromiseRejectedResult).reason;
}

async function restoreInto(backup: OpenBackup, site: Site, tombstones: string | undefined, incomplete: boolean) {
  for (const { hsm } of site.hsms) {
    try {
      await initHsm(hsm);
    } catch (error) {
      // It may be one that has been made before: what the primary remembers is looked at below.
      if (!(error instanceof ConfigError)) throw error;
    }
  }
  const hsms = await HsmSet.open(site.hsms);
  const log = await openAuditLog(site.audit.directory, site.audit.chain);
  let deleted = 0;
  try {
    const remembered = await hsms.primary.hsm.readAnchor();
    if (remembered && !equalBytes(decodeAnchor(remembered).storeId, backup.storeId)) {
      throw new ConfigError("the HSM is that of another store: restore into one that is new");
    }
    const report = await backup.restoreInto({
      hsms,
      incomplete,
      storeFile: site.store.file,
      async prepare(store) {
        if (tombstones === undefined) return;
        const outbox = new Outbox(store, log);
        deleted = await applyTombstones({ store, outbox, clock: systemClock, forget: () => undefined }, tombstones);
        await outbox.flush();
      },
    });
    const { madeAt, recovery } = backup.contents;
    return { madeAt, transportKey: recovery.transport.fingerprint, ...report, deleted };
  } finally {
    await log.close();
    await hsms.close();
  }
}

function recipientsOf({ officers, threshold, like }: BackupOptions): Recipients {
  if (like !== undefined) {
    if (officers.length > 0 || threshold !== undefined) throw new ConfigError("--like goes with no --officer");
    return { like };
  }
  if (threshold === undefined)
    throw new ConfigError("--officer and --threshold are needed, or --like an earlier backup");
  return { officers: officers.map((path) => officerOf(readText(path), path)), threshold };
}

function assertFingerprint(given: string, expected: string): void {
  if (given !== expected) throw new ConfigError("the fingerprint is another");
}

/** The caller wipes it. */
function readShare(path: string): OpenedShare {
  const text = readKeyFile(path);
  try {
    return parseShare(text);
  } finally {
    wipe(text);
  }
}

/** Longer than any private key in PEM. */
const longestKey = 16_384;

/** The caller wipes it. */
function readKeyFile(path: string): Bytes {
  const buffer = secret(longestKey);
  try {
    return secretFrom(buffer.subarray(0, readPrivateFile(path, buffer)));
  } finally {
    wipe(buffer);
  }
}
