import type { Argv } from "yargs";
import type { OfficerPins } from "../../hsm/officers.ts";
import {
  flag,
  flags,
  type Installation,
  installation,
  installationFlags,
  matching,
  nonEmpty,
  outFlag,
  parseFingerprint,
  referenceFlag,
} from "../flags.ts";
import { officerPinFlags, officerPinsOf } from "../officer-pins.ts";
import { type DevOptions, hsmOf, hsmOptions } from "./dev.ts";

export interface MigrationOptions {
  readonly from: string;
  readonly to: string;
  /** Of the target's transport key, as its own console shows it. */
  readonly fingerprint?: string | undefined;
  readonly dryRun: boolean;
  /** Although some keys stay. */
  readonly yes: boolean;
  readonly officerPins: OfficerPins;
}

export interface BackupOptions {
  readonly out: string;
  /** Files: PEM. */
  readonly officers: readonly string[];
  readonly threshold?: number | undefined;
  /** An earlier backup: for the same officers. */
  readonly like?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly keepDays: number;
  readonly officerPins: OfficerPins;
  readonly incomplete: boolean;
}

export interface ShareOptions {
  readonly from: string;
  readonly officerKey: string;
  /** A reference. */
  readonly passphrase?: string | undefined;
  readonly out: string;
}

export interface RestoreOptions {
  readonly from: string;
  readonly shares: readonly string[];
  readonly tombstones?: string | undefined;
  /** For a dev home, which is made. */
  readonly hsm: DevOptions["hsm"];
  readonly incomplete: boolean;
}

export interface ReEncryptionOptions {
  readonly keyId: string;
  readonly toKeyId?: string | undefined;
  readonly region?: string | undefined;
  /** `NAME=VALUE` each. */
  readonly encryptionContext: readonly string[];
  readonly files: readonly string[];
}

export interface CustodyHandlers extends BackupHandlers {
  hsmTransportKey(of: Installation, name?: string): Promise<void>;
  hsmMigrate(of: Installation, options: MigrationOptions): Promise<void>;
  /** Without a name, the primary. */
  hsmUnpin(of: Installation, fingerprint: string, name?: string): Promise<void>;
  /** Without ids, those that deleted material waits for are listed. */
  hsmErased(of: Installation, domainKeys: readonly string[]): Promise<void>;
  hsmReEncrypt(of: Installation, options: ReEncryptionOptions): Promise<void>;
}

export interface BackupHandlers {
  hsmBackup(of: Installation, options: BackupOptions): Promise<void>;
  hsmTombstones(of: Installation, out: string): Promise<void>;
  hsmOpenShare(options: ShareOptions): Promise<void>;
  hsmRestore(of: Installation, options: RestoreOptions): Promise<void>;
}

const required = <T extends object>(option: T) => ({ ...option, demandOption: true as const });
const file = (name: string, description: string) => flag(name, description, "a path", nonEmpty);
const name = (name: string, description: string) => flag(name, description, "a name", nonEmpty);
const yes = (description: string) => ({ type: "boolean", default: false, description }) as const;
const number = (name: string, description: string) =>
  flag(name, description, "a whole number from 1", (value) =>
    /^[1-9]\d{0,4}$/.test(value) ? Number(value) : undefined,
  );
const fingerprint = flag(
  "fingerprint",
  "The fingerprint of the transport key, read where it was made: SHA-256",
  "64 hexadecimal digits",
  parseFingerprint,
);

const domainKeys = flags(
  "domain-key",
  "A domain key of it; to be given for each. Without any, those that deleted material waits for are listed",
  "32 hexadecimal digits",
  matching(/^[0-9a-f]{32}$/),
);

const migration = {
  ...installationFlags,
  from: required(name("from", "The HSM that the keys leave")),
  to: required(name("to", "The HSM that they go to")),
  fingerprint,
  "dry-run": yes("Move nothing: list the keys that cannot move, and why. With --fingerprint, every key is tried"),
  "so-pin": officerPinFlags,
  yes: yes("Move the others although some keys cannot move"),
} as const;

const backup = {
  ...installationFlags,
  out: required(outFlag("out", "The backup: a new file")),
  officer: flags("officer", "An officer's public key, PEM; to be given for each", "a path", nonEmpty),
  threshold: number("threshold", "How many officers it takes to restore"),
  like: file("like", "An earlier backup: for its officers, without them"),
  fingerprint,
  "so-pin": officerPinFlags,
  keep: { ...number("keep", "For how many days backups are kept at most"), default: "90" },
  incomplete: yes("Leave out keys that cannot be exported"),
} as const;

const restoration = {
  ...installationFlags,
  from: required(file("from", "The backup")),
  share: required(flags("share", "A share as an officer has opened it; to be given for each", "a path", nonEmpty)),
  tombstones: file("tombstones", "The newest list of deleted keys: they stay deleted"),
  ...hsmOptions,
  incomplete: yes("Leave out keys that the new HSM does not take"),
} as const;

const share = {
  from: restoration.from,
  "officer-key": required(file("officer-key", "The officer's private key, PEM")),
  passphrase: referenceFlag("passphrase", "What the private key is encrypted with: file:PATH or env:NAME"),
  out: required(outFlag("out", "The share: a private file")),
} as const;

const reEncryption = {
  ...installationFlags,
  "key-id": required(name("key-id", "The KMS key that is to be replaced")),
  "to-key-id": name("to-key-id", "The key that replaces it [default: a new one with its policy, tags and aliases]"),
  region: name("region", "The Region of both, where --key-id is no ARN"),
  "encryption-context": flags("encryption-context", "A pair of the files' encryption context", "NAME=VALUE", (value) =>
    /^[^=]+=/.test(value) ? value : undefined,
  ),
} as const;

/** Keys on their way from one HSM to another, at once or by way of a backup. */
export const custody = (group: Argv, handlers: CustodyHandlers): Argv =>
  group
    .command(
      "transport-key",
      "Show the key under which keys come into an HSM",
      { ...installationFlags, hsm: name("hsm", "One of several HSMs, by its name [default: the primary]") },
      (given) => handlers.hsmTransportKey(installation(given), given.hsm),
    )
    .command("migrate", "Move every key to another HSM, beside a running service", migration, async (given) =>
      handlers.hsmMigrate(installation(given), {
        ...given,
        dryRun: given["dry-run"],
        officerPins: await officerPinsOf(given["so-pin"]),
      }),
    )
    .command(
      "unpin",
      "Let no more keys go to a transport key that was compared before: `hsm status` lists them",
      {
        ...installationFlags,
        fingerprint: required(fingerprint),
        hsm: name("hsm", "The HSM that has it pinned, by its name [default: the primary]"),
      },
      (given) => handlers.hsmUnpin(installation(given), given.fingerprint, given.hsm),
    )
    .command(
      "erased",
      "State that an HSM which is not configured any more has been erased: what was deleted under its domain keys is gone then",
      { ...installationFlags, "domain-key": domainKeys },
      (given) => handlers.hsmErased(installation(given), given["domain-key"] ?? []),
    )
    .command(
      "re-encrypt [files..]",
      "Replace a key that cannot move by a new one, and ciphertexts in files by those of the new one",
      (command) => command.positional("files", { type: "string", array: true, default: [] }).options(reEncryption),
      (given) =>
        handlers.hsmReEncrypt(installation(given), {
          keyId: given["key-id"],
          toKeyId: given["to-key-id"],
          region: given.region,
          encryptionContext: given["encryption-context"] ?? [],
          files: given.files,
        }),
    )
    .command("backup", "Back up the store and every key, for officers to restore together", backup, async (given) =>
      handlers.hsmBackup(installation(given), {
        ...given,
        officerPins: await officerPinsOf(given["so-pin"]),
        officers: given.officer ?? [],
        keepDays: Number(given.keep),
      }),
    )
    .command(
      "tombstones",
      "List the deleted keys, so that no older backup brings them back",
      { ...installationFlags, out: required(outFlag("out", "The list: a file")) },
      (given) => handlers.hsmTombstones(installation(given), given.out),
    )
    .command("open-share", "Open an officer's share of a backup, with the officer's own key", share, (given) =>
      handlers.hsmOpenShare({ ...given, officerKey: given["officer-key"] }),
    )
    .command("restore", "Put a backup into a new HSM and a new store", restoration, (given) =>
      handlers.hsmRestore(installation(given), {
        ...given,
        shares: given.share,
        hsm: hsmOf(given.hsm, given.pin, given["init-args"]),
      }),
    );
