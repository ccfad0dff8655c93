import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type * as client from "@aws-sdk/client-kms";
import { afterAll, beforeAll, expect, it } from "vitest";
import { selfSigned } from "../../server/certificate.ts";
import { type Abilities, abilitiesOf } from "../abilities.ts";
import { refusal } from "../asymmetric.ts";
import type { HsmChoice } from "../hsms.ts";
import { removeHome, type Service, settledStore, startService, temporaryHome } from "../service.ts";
import { documented, documentedOperations, type Kind, kinds } from "./documented.ts";
import { type ImportAlgorithm, importAlgorithms, otherRegion, Subject, states } from "./subject.ts";

const regionOf = ({ spec }: Kind): string => (spec === "SM2" ? "cn-north-1" : "us-east-1");
const clusterId = "cluster-abcdefghijk";
const password = "kmsuser's password";

/** What each operation answered, by `${operation} ${state} ${name of the key}`. */
export interface Seen {
  readonly outcomes: Map<string, string>;
  subjects: readonly Subject[];
}

/** Every operation in every key state on every kind of key that the HSM has, against what AWS documents. */
export function matrix(hsm: HsmChoice): Seen {
  const home = temporaryHome();
  const seen: Seen = { outcomes: new Map(), subjects: [] };
  let abilities: Abilities;
  let service: Service;
  let subjects: readonly Subject[];
  let refused: readonly Subject[];
  let storeId: string;
  let kms: client.KMS;

  const put = (operation: string, state: string, { name }: Subject, outcome: string): void => {
    seen.outcomes.set(`${operation} ${state} ${name}`, outcome);
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
    service = await startService(home, hsm, ["--key-stores", file, ...regions]);
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
    abilities = await abilitiesOf(home);
    const every = kinds.map((kind) => new Subject(clients.get(regionOf(kind)) as client.KMS, kind, elsewhere));
    const isServed = ({ kind }: Subject) => reasonsAgainst(abilities, kind).length === 0;
    [subjects, refused] = [every.filter(isServed), every.filter((subject) => !isServed(subject))];
    seen.subjects = subjects;
    await all((subject) =>
      subject.make(states, subject.kind.origin === "AWS_CLOUDHSM" ? { CustomKeyStoreId: storeId } : {}),
    );
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  it("has no keys of other kinds, and says why", async () => {
    await all(async (subject) => {
      const { name, message } = await refusal(subject.make([]));
      expect(name, subject.name).toBe("UnsupportedOperationException");
      expect(reasonsAgainst(abilities, subject.kind), subject.name).toContain(message);
    }, refused);
  });

  it("takes material from outside as the HSM does, and says why not otherwise", async () => {
    await all(async (subject) => {
      const { id: KeyId, kind } = subject;
      for (const algorithm of importAlgorithms) {
        const parameters = { KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec: "RSA_2048" };
        const asked = subject.ask("GetParametersForImport", parameters);
        const message = abilities.importRefusal(kind.spec, algorithm);
        if (message === undefined) await asked;
        else expect(await refusal(asked)).toEqual({ name: "UnsupportedOperationException", message });
      }
    }, ofOrigin("EXTERNAL"));
  });

  it("is as documented while the key is enabled", async () => {
    await all((subject) => {
      const taken = importAlgorithms.find((algorithm) => !abilities.importRefusal(subject.kind.spec, algorithm));
      return subject.importMaterial(taken as ImportAlgorithm);
    }, ofOrigin("EXTERNAL"));
    await all((subject) => subject.prepare(states));
    expect(await walk("Enabled", subjects)).toEqual([]);
  });

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
  });

  it("is as documented while the key is unavailable", async () => {
    const inStore = ofOrigin("AWS_CLOUDHSM");
    await kms.disconnectCustomKeyStore({ CustomKeyStoreId: storeId });
    await settledStore(kms, storeId);
    expect(await walk("Unavailable", inStore)).toEqual([]);
    await kms.connectCustomKeyStore({ CustomKeyStoreId: storeId });
    await settledStore(kms, storeId);
  });

  it("is as documented while the key waits for its material", async () => {
    const imported = ofOrigin("EXTERNAL");
    await all((subject) => subject.ask("DeleteImportedKeyMaterial", { KeyId: subject.id }), imported);
    expect(await walk("PendingImport", imported)).toEqual([]);
    await all(
      (subject) => subject.ask("ImportKeyMaterial", subject.request("ImportKeyMaterial", "PendingImport")),
      imported,
    );
  });

  it("is as documented while the key is disabled", async () => {
    await all((subject) => subject.ask("DisableKey", { KeyId: subject.id }));
    expect(await walk("Disabled", subjects)).toEqual([]);
  });

  it("is as documented while the key waits for its deletion, or that of its replica", async () => {
    await all((subject) => subject.ask("ScheduleKeyDeletion", { KeyId: subject.id }));
    const single = subjects.filter(({ kind }) => !kind.multiRegion);
    expect(await walk("PendingDeletion", single)).toEqual([]);
    const primaries = subjects.filter(({ kind }) => kind.multiRegion);
    expect(await walk("PendingReplicaDeletion", primaries)).toEqual([]);
  });

  return seen;
}

/** Why the HSM has no such keys; none where it has. */
function reasonsAgainst(abilities: Abilities, { spec, usage, origin }: Kind): string[] {
  const reason = abilities.refusal(spec, usage);
  if (reason !== undefined) return [reason];
  if (origin !== "EXTERNAL") return [];
  const reasons = importAlgorithms.map((algorithm) => abilities.importRefusal(spec, algorithm));
  return reasons.includes(undefined) ? [] : (reasons as string[]);
}
