import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Officer, officerKeyOf, officerOf, openByOfficer } from "../../src/backup/officers.ts";
import { combineShares, formatShare, type OpenedShare, parseShare, shareAmong } from "../../src/backup/shares.ts";
import { newRecovery, openVault, type Recovery } from "../../src/backup/vault.ts";
import { base64, fromBase64, utf8 } from "../../src/base/bytes.ts";
import { ConfigError } from "../../src/base/errors.ts";

const pem = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
} as const;
const pairs = {
  RSA: generateKeyPairSync("rsa", { modulusLength: 3072, ...pem }),
  "P-256": generateKeyPairSync("ec", { namedCurve: "P-256", ...pem }),
  "P-521": generateKeyPairSync("ec", { namedCurve: "P-521", ...pem }),
  X25519: generateKeyPairSync("x25519", pem as never) as unknown as { publicKey: string; privateKey: string },
  "ML-KEM-768": generateKeyPairSync("ml-kem-768" as never, pem as never) as unknown as {
    publicKey: string;
    privateKey: string;
  },
};
const people = Object.values(pairs);
const officers = people.map(({ publicKey }, i) => officerOf(publicKey, `officer ${i}`));

const openShare = async (i: number, { shares, transport }: Recovery): Promise<OpenedShare> => {
  const { key, fingerprint } = officerKeyOf(utf8(people[i]?.privateKey as string), undefined);
  const sealed = fromBase64(shares.find(({ officer }) => officer === fingerprint)?.sealed as string) as Uint8Array;
  const share = await openByOfficer(key, transport.fingerprint, sealed);
  return parseShare(utf8(formatShare({ backup: transport.fingerprint, officer: fingerprint, share })));
};

/** Without a store's index key. */
const ceremony = (threshold: number): Promise<Recovery> =>
  newRecovery(officers, threshold, async () => new Uint8Array(0));

describe("officers", () => {
  it("whose key is encrypted leave its passphrase in no memory that Buffers share", () => {
    const passphrase = utf8("what an officer knows");
    const { privateKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: pem.publicKeyEncoding,
      // As text it would be in that memory from here.
      privateKeyEncoding: { ...pem.privateKeyEncoding, cipher: "aes-256-cbc", passphrase: passphrase as never },
    });
    const { buffer } = Buffer.from("in the pool");
    officerKeyOf(utf8(privateKey), passphrase);
    expect(Buffer.from(buffer).includes(passphrase)).toBe(false);
    expect(() => officerKeyOf(utf8(privateKey), utf8("what a stranger knows"))).toThrow(ConfigError);
  });

  it.each(Object.keys(pairs))("with a key of %s open their own share, and nobody else's", async (name) => {
    const i = Object.keys(pairs).indexOf(name);
    const secret = new Uint8Array(32).fill(7);
    const sealed = await shareAmong(officers, 2, "here", secret);
    const own = fromBase64(sealed[i]?.sealed as string) as Uint8Array;
    const { key } = officerKeyOf(utf8(people[i]?.privateKey as string), undefined);
    expect((await openByOfficer(key, "here", own)).length).toBe(33);
    await expect(openByOfficer(key, "elsewhere", own)).rejects.toThrow(ConfigError);
    for (const at of [0, 3, own.length - 40, own.length - 1]) {
      const edited = own.with(at, (own[at] as number) ^ 1);
      await expect(openByOfficer(key, "here", edited), `octet ${at}`).rejects.toThrow(ConfigError);
    }
    const other = fromBase64(sealed[(i + 1) % 5]?.sealed as string) as Uint8Array;
    await expect(openByOfficer(key, "here", other)).rejects.toThrow("not sealed to this key");
  });

  it("are refused with keys that are weak, private, or for signatures alone", () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 2048, ...pem }).publicKey;
    const signs = generateKeyPairSync("ed25519", pem as never) as unknown as { publicKey: string };
    for (const bad of [weak, signs.publicKey, pairs.RSA.privateKey, "", "-----BEGIN PUBLIC KEY-----"]) {
      expect(() => officerOf(bad, "officer.pem")).toThrow(ConfigError);
    }
  });

  it("are at least two, all different, and as many as the threshold", async () => {
    const [one, two] = officers as [Officer, Officer];
    for (const [who, threshold] of [
      [[one], 1],
      [[one], 2],
      [[one, one], 2],
      [[one, two], 3],
      [[one, two], 1],
    ] as const) {
      await expect(shareAmong(who, threshold, "", new Uint8Array(32))).rejects.toThrow(ConfigError);
    }
  });
});

describe("a vault", () => {
  it("opens by any M shares, and by nothing else", async () => {
    const recovery = await ceremony(3);
    const shares = await Promise.all([0, 1, 2, 3, 4].map((i) => openShare(i, recovery)));
    const of = (...places: number[]) => places.map((i) => shares[i] as OpenedShare);
    for (const some of [of(0, 1, 2), of(4, 2, 0), of(0, 1, 2, 3, 4)]) {
      const vault = await openVault(recovery, some);
      expect((await vault.admin.transportKey()).fingerprint).toBe(recovery.transport.fingerprint);
      await vault.close();
    }
    await expect(openVault(recovery, of(0, 1))).rejects.toThrow("needs those of 3 officers");
    await expect(openVault(recovery, of(0, 1, 1))).rejects.toThrow("needs those of 3 officers");
    const [first, ...rest] = of(0, 1, 2) as [OpenedShare, ...OpenedShare[]];
    const wrong = { ...first, share: first.share.with(5, (first.share[5] as number) ^ 1) };
    await expect(openVault(recovery, [wrong, ...rest])).rejects.toThrow("one of them is wrong");
    await expect(openVault(recovery, [{ ...first, share: first.share.subarray(1) }, ...rest])).rejects.toThrow(
      ConfigError,
    );
    const another = await ceremony(3);
    await expect(openVault(another, of(0, 1, 2))).rejects.toThrow("another backup");
  });

  it("is refused when its state has been edited", async () => {
    const recovery = await ceremony(2);
    const shares = await Promise.all([0, 1].map((i) => openShare(i, recovery)));
    const state = fromBase64(recovery.state) as Uint8Array;
    const edited = base64(state.with(200, (state[200] as number) ^ 1));
    await expect(openVault({ ...recovery, state: edited }, shares)).rejects.toThrow(ConfigError);
  });

  it("does not take what is no share", () => {
    for (const text of ["", "{}", '{"backup":"a","officer":"b"}', '{"backup":"a","officer":"b","share":"%"}', "null"]) {
      expect(() => parseShare(utf8(text))).toThrow(ConfigError);
    }
  });

  it("is not opened by shares that do not fit together", async () => {
    const about = { fingerprint: "x", threshold: 2, officers: ["a", "b"] };
    const share = new Uint8Array(33).fill(1);
    const two = ["a", "b"].map((officer) => ({ backup: "x", officer, share }));
    await expect(combineShares(two, about)).rejects.toThrow("do not fit together");
  });
});

describe("the vault of a process that is killed in its ceremony", () => {
  const place = () => readdirSync("/dev/shm").filter((name) => name.startsWith("strongroom-vault-"));
  /** The one in which the process has a file open: others make theirs in the same place. */
  const vaultOf = (pid: number): string => {
    const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    return files.flatMap((file) => /strongroom-vault-[^/]+/.exec(file) ?? [])[0] as string;
  };

  it("leaves no key, and goes with the next one", async () => {
    const vault = join(import.meta.dirname, "../../src/backup/vault.ts");
    const officer = join(import.meta.dirname, "../../src/backup/officers.ts");
    const script = `
      const { newRecovery } = await import(${JSON.stringify(vault)});
      const { officerOf } = await import(${JSON.stringify(officer)});
      const officers = [officerOf(${JSON.stringify(pairs.X25519.publicKey)}, "officer")];
      await newRecovery(officers, 1, () => { console.log("now"); return new Promise((_) => setInterval(() => 0, 1e6)); });
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    onTestFinished(() => void child.kill("SIGKILL"));
    const left = vaultOf(child.pid as number);
    const folder = join("/dev/shm", left);
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(["hsm", "hsm/lock", "hsm/state", "lock"]);
    const made = new Date(Date.now() - 3_600_000);
    utimesSync(folder, made, made);
    await ceremony(2);
    expect(place(), "it lives").toContain(left);

    child.kill("SIGKILL");
    await once(child, "exit");
    utimesSync(folder, made, made);
    await ceremony(2);
    expect(place()).not.toContain(left);
  });
});
