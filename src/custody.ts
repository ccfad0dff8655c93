import { backups } from "./backups.ts";
import { ConfigError } from "./base/errors.ts";
import type { CustodyHandlers, MigrationOptions } from "./cli/commands/custody.ts";
import { Progress } from "./cli/progress.ts";
import type { Member } from "./hsm/member.ts";
import { erase, waiting } from "./kms/erasure.ts";
import { Migration, type Obstacle } from "./kms/migration.ts";
import { reEncrypt } from "./re-encryption.ts";
import type { Parts } from "./service.ts";
import { eventOf, hsmOf, noSuchHsm, print, type Site, siteOfInstallation, tell, withAdmin, withParts } from "./site.ts";

/** The commands that take keys from one HSM to another, at once or by way of a backup. */
export const custody: CustodyHandlers = {
  ...backups,

  hsmTransportKey: (of, name) =>
    withAdmin(hsmOf(siteOfInstallation(of), name), async (admin) => {
      const { fingerprint, oaepHash, spki } = await admin.transportKey();
      print({ fingerprint, oaepHash, publicKey: spki.toBase64() });
    }),

  hsmMigrate: (of, options) =>
    withParts(of, async (parts, site) => {
      const [from, to] = [options.from, options.to].map((name) => memberOf(parts, site, name)) as [Member, Member];
      const migration = await Migration.open(parts, from, to);
      try {
        await migrate(migration, parts, site, options);
      } finally {
        await migration.close();
      }
    }),

  hsmUnpin: (of, fingerprint, name) =>
    withParts(of, async (parts, site) => {
      await withAdmin(hsmOf(site, name), async (admin) => {
        if (!(await admin.unpinTransportKey(fingerprint))) throw new ConfigError("no such transport key is pinned");
      });
      await tell(parts, site, "UnpinTransportKey", { hsm: name ?? site.hsms[0]?.name, transportKey: fingerprint });
      print({ unpinned: fingerprint });
    }),

  hsmErased: (of, domainKeys) =>
    withParts(of, async (parts, site) => {
      if (domainKeys.length === 0) return print({ waiting: await waiting(parts, site.hsms) });
      await erase(parts, site.hsms, domainKeys, eventOf(site, "DeclareErased", { domainKeys }));
      print({ erased: domainKeys });
    }),

  hsmReEncrypt: (of, options) =>
    withParts(of, async (parts, site) => print(await reEncrypt(parts, site.account, options))),
};

async function migrate(migration: Migration, parts: Parts, site: Site, options: MigrationOptions): Promise<void> {
  const { from, to, fingerprint, dryRun, yes, officerPins } = options;
  const about = { from, to, transportKey: migration.fingerprint };
  if (fingerprint !== undefined) {
    await migration.pin(fingerprint, officerPins);
    await tell(parts, site, "PinTransportKey", { hsm: from, transportKey: migration.fingerprint });
  }
  const foreseen = dryRun && fingerprint !== undefined ? await migration.rehearse() : await migration.foresee();
  if (dryRun) return print({ ...about, cannotMove: foreseen, ...(foreseen.length > 0 && { remedy }) });
  if (fingerprint === undefined) {
    throw new ConfigError(
      `--fingerprint is missing: \`hsm transport-key --hsm ${to}\` shows it on the target's console`,
    );
  }
  if (foreseen.length > 0 && !yes) {
    throw new ConfigError(
      `keys that cannot move: ${foreseen.length} (--yes moves the others)${listed(foreseen)}\n${remedy}`,
    );
  }
  const progress = new Progress();
  const { moved, left } = await migration.run((done, all) => progress.tell(done, all));
  progress.end();
  await parts.store.anchor();
  await tell(parts, site, "MigrateKeys", { ...about, moved, left: left.length });
  print({ ...about, moved, left, ...(left.length > 0 && { remedy }) });
}

const remedy =
  "replace a key that cannot move by a new one, strongroom hsm re-encrypt --key-id …, or keep its HSM (specs: […] has it make such keys)";
const listed = (obstacles: readonly Obstacle[]): string =>
  obstacles.map(({ key, reason }) => `\n  ${key}: ${reason}`).join("");

function memberOf({ hsms }: Parts, site: Site, name: string): Member {
  const member = hsms.named(name);
  if (!member) throw noSuchHsm(site, name);
  return member;
}
