import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as client from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { selfSigned } from "../server/certificate.ts";
import { documented, documentedOperations, type Kind, keyless, kinds } from "./matrix/documented.ts";
import { nameOf, otherRegion, Subject } from "./matrix/subject.ts";
import { removeHome, type Service, settledStore, startService, temporaryHome } from "./service.ts";

const everyOperation = Object.keys(client)
  .filter((name) => /^[A-Z].*Command$/.test(name))
  .map((name) => name.replace(/Command$/, ""));

const states = ["Enabled", "Disabled", "PendingDeletion", "PendingReplicaDeletion", "PendingImport", "Unavailable"];
const regionOf = ({ spec }: Kind): string => (spec === "SM2" ? "cn-north-1" : "us-east-1");
const clusterId = "cluster-abcdefghijk";
const password = "kmsuser's password";

/**
 * Every operation in every key state on every kind of key, against what AWS documents. What was seen is docs/matrix.md; to
 * write it anew: `npx vitest run test/contract/matrix.test.ts --update`.
 */
describe("the matrix of operations, key states and kinds of keys", () => {
  const home = temporaryHome();
  const seen = new Map<string, string>();
  let service: Service;
  let subjects: readonly Subject[];
  let storeId: string;
  let kms: client.KMS;

  const put = (operation: string, state: string, { name }: Subject, outcome: string): void => {
    seen.set(`${operation} ${state} ${name}`, outcome);
  };

  /** Runs every operation on every one of `chosen` in its state, and finds them in the same state after. */
  async function walk(state: string, chosen: readonly Subject[]): Promise<string[]> {
    const wrong: string[] = [];
    await Promise.all(
      chosen.map(async (subject) => {
        for (const operation of documentedOperations) {
          const expected = documented(operation, state, subject.kind);
          if (!expected) continue;
          const outcome = await subject.outcome(operation, state);
          put(operation, state, subject, outcome);
          const right = expected.works ? outcome === "ok" : expected.errors.includes(outcome);
          const allowed = expected.works ? "ok" : expected.errors.join(" or ");
          if (!right)
            wrong.push(`${operation} on ${subject.name} in state ${state}: ${outcome}, documented: ${allowed}`);
          if (outcome === "ok") await subject.backTo(state, operation);
        }
        const now = await subject.state();
        if (now !== state) wrong.push(`${subject.name} is ${now}, not ${state}`);
      }),
    );
    return wrong;
  }

  const all = (work: (subject: Subject) => Promise<unknown>, of = subjects) => Promise.all(of.map(work));
  const ofOrigin = (origin: string) => subjects.filter(({ kind }) => kind.origin === origin);

  beforeAll(async () => {
    const { cert } = await selfSigned();
    writeFileSync(join(home, "anchor.pem"), cert);
    writeFileSync(join(home, "password"), password, { mode: 0o600 });
    const file = join(home, "key-stores.yaml");
    writeFileSync(
      file,
      `clusters:\n  ${clusterId}: { hsm: main, trustAnchor: anchor.pem, password: "file:password" }\n`,
    );
    const regions = ["us-east-1", "cn-north-1", otherRegion].flatMap((region) => ["--region", region]);
    service = await startService(home, "soft", ["--key-stores", file, ...regions]);
    kms = service.client();
    const { CustomKeyStoreId } = await kms.createCustomKeyStore({
      CustomKeyStoreName: "matrix",
      CloudHsmClusterId: clusterId,
      TrustAnchorCertificate: cert,
      KeyStorePassword: password,
    });
    storeId = CustomKeyStoreId as string;
    await kms.connectCustomKeyStore({ CustomKeyStoreId: storeId });
    await settledStore(kms, storeId);
    const clients = new Map(["us-east-1", "cn-north-1"].map((name) => [name, service.client(undefined, name)]));
    const elsewhere = service.client(undefined, otherRegion);
    subjects = kinds.map((kind) => new Subject(clients.get(regionOf(kind)) as client.KMS, kind, elsewhere));
    await all((subject) =>
      subject.make(states, subject.kind.origin === "AWS_CLOUDHSM" ? { CustomKeyStoreId: storeId } : {}),
    );
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  it("has a row for every operation of the newest client that is about a key", () => {
    expect([...documentedOperations, ...keyless].sort()).toEqual(everyOperation.sort());
  });

  it("is as documented while the key is enabled", async () => {
    await all((subject) => subject.importMaterial(), ofOrigin("EXTERNAL"));
    await all((subject) => subject.prepare(states));
    expect(await walk("Enabled", subjects)).toEqual([]);
  }, 60_000);

  it("takes every documented algorithm of a key, and no other", async () => {
    const wrong: string[] = [];
    const known = [...new Set(kinds.flatMap(({ algorithms }) => algorithms))];
    const byUsage: Readonly<Record<string, string>> = {
      ENCRYPT_DECRYPT: "Encrypt",
      SIGN_VERIFY: "Sign",
      GENERATE_VERIFY_MAC: "GenerateMac",
    };
    await all(async (subject) => {
      const { usage, algorithms, origin } = subject.kind;
      const operation = byUsage[usage];
      if (!operation || origin !== "AWS_KMS") return;
      const sameUsage = kinds.filter((kind) => kind.usage === usage).flatMap((kind) => kind.algorithms);
      for (const algorithm of known.filter((name) => sameUsage.includes(name))) {
        const outcome = await subject.outcome(operation, "Enabled", algorithm);
        const expected = algorithms.includes(algorithm) ? "ok" : "InvalidKeyUsageException";
        if (outcome !== expected) wrong.push(`${operation} by ${algorithm} under ${subject.name}: ${outcome}`);
      }
    });
    expect(wrong).toEqual([]);
  }, 60_000);

  it("is as documented while the key is unavailable", async () => {
    const inStore = ofOrigin("AWS_CLOUDHSM");
    await kms.disconnectCustomKeyStore({ CustomKeyStoreId: storeId });
    await settledStore(kms, storeId);
    expect(await walk("Unavailable", inStore)).toEqual([]);
    await kms.connectCustomKeyStore({ CustomKeyStoreId: storeId });
    await settledStore(kms, storeId);
  }, 60_000);

  it("is as documented while the key waits for its material", async () => {
    const imported = ofOrigin("EXTERNAL");
    await all((subject) => subject.ask("DeleteImportedKeyMaterial", { KeyId: subject.id }), imported);
    expect(await walk("PendingImport", imported)).toEqual([]);
    await all(
      (subject) => subject.ask("ImportKeyMaterial", subject.request("ImportKeyMaterial", "PendingImport")),
      imported,
    );
  }, 60_000);

  it("is as documented while the key is disabled", async () => {
    await all((subject) => subject.ask("DisableKey", { KeyId: subject.id }));
    expect(await walk("Disabled", subjects)).toEqual([]);
  }, 60_000);

  it("is as documented while the key waits for its deletion, or that of its replica", async () => {
    await all((subject) => subject.ask("ScheduleKeyDeletion", { KeyId: subject.id }));
    const single = subjects.filter(({ kind }) => !kind.multiRegion);
    expect(await walk("PendingDeletion", single)).toEqual([]);
    const primaries = subjects.filter(({ kind }) => kind.multiRegion);
    expect(await walk("PendingReplicaDeletion", primaries)).toEqual([]);
  }, 60_000);

  it("is as it is written down for people", async () => {
    await expect(render(seen, subjects)).toMatchFileSnapshot("../../docs/matrix.md");
  });
});

/** Of each operation and state, what the kinds of keys saw: those that saw the same stand together. */
function render(seen: ReadonlyMap<string, string>, subjects: readonly Subject[]): string {
  const columns = states;
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const short = (outcome: string) => outcome.replace(/Exception$/, "");
  const cell = (operation: string, state: string): string => {
    const outcomes = subjects.flatMap(({ name }) => seen.get(`${operation} ${state} ${name}`) ?? []);
    return [...new Set(outcomes)].map(short).sort().reverse().join(", ") || "–";
  };
  const kindCell = (operation: string, { name }: Subject): string => {
    const outcome = seen.get(`${operation} Enabled ${name}`);
    return outcome === undefined ? "–" : short(outcome);
  };
  const usages = new Map<string, Subject>();
  for (const subject of subjects) {
    const { spec } = subject.kind;
    const family = /^(ML_DSA|ML_KEM|SM2|[A-Z]+)/.exec(spec)?.[0];
    usages.set(nameOf(family as string, subject.kind), subject);
  }
  return `# What every operation answers

Seen on a running service by \`test/contract/matrix.test.ts\`, which holds each of ${seen.size} answers against what AWS documents. Every
state is tried with ${subjects.length} keys, one of each spec, usage and origin. A cell lists what they answered. Creating and Updating, through which
multi-Region keys go on AWS for some seconds, are never seen: here the keys of all Regions change at once.

## By key state

${row(["Operation", ...columns])}
${row(["---", ...columns.map(() => "---")])}
${documentedOperations.map((operation) => row([operation, ...columns.map((state) => cell(operation, state))])).join("\n")}

## By kind of key, enabled

${row(["Operation", ...usages.keys()])}
${row(["---", ...[...usages.keys()].map(() => "---")])}
${documentedOperations.map((operation) => row([operation, ...[...usages.values()].map((subject) => kindCell(operation, subject))])).join("\n")}
`;
}
