import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KMS } from "@aws-sdk/client-kms";
import { ensureCertificates } from "../../src/cli/certificates.ts";
import type { ConfiguredHsm, HsmConfig } from "../../src/hsm/index.ts";
import { strongroom } from "./command.ts";
import { kmsClient, launch, removeHome, type Service, temporaryHome } from "./service.ts";

type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** As it stands under a name in `hsms`. */
export type PlacedHsm = HsmConfig & Pick<ConfiguredHsm, "replicaOf" | "specs">;

/** What `serve` works with, in a folder of its own. */
export interface Installation {
  readonly home: string;
  readonly config: string;
  /** The first is the primary. */
  configure(hsms: Readonly<Record<string, PlacedHsm>>): void;
  /** A command with `--config`. */
  run: typeof strongroom;
  /** The user `ops`, who may do everything. */
  newAdministrator(): Promise<Credentials>;
  serve(credentials: Credentials): Promise<{ readonly service: Service; readonly kms: KMS }>;
  remove(): void;
}

export async function newInstallation(): Promise<Installation> {
  const home = temporaryHome();
  const config = join(home, "strongroom.yaml");
  await ensureCertificates(home, ["127.0.0.1"]);
  const run: typeof strongroom = (...args) => strongroom(...args, "--config", config);
  return {
    home,
    config,
    configure(hsms) {
      const tls = { certificate: "tls/server.pem", key: "tls/server-key.pem" };
      const listen = { listen: "127.0.0.1:0", adminListen: "127.0.0.1:0" };
      const place = { store: { sqlite: "store.db" }, audit: { directory: "audit" } };
      const known = Object.entries(hsms).map(([name, hsm]) => [name, { ...hsm, folder: undefined }]);
      // YAML takes JSON.
      const hsmsOnly = Object.fromEntries(known);
      writeFileSync(config, JSON.stringify({ ...listen, tls, account: "111122223333", hsms: hsmsOnly, ...place }));
    },
    run,
    async newAdministrator() {
      const user = ["--user-name", "ops"];
      const policy = join(home, "policy.json");
      writeFileSync(policy, everything);
      await run("iam", "create-user", ...user);
      await run("iam", "put-user-policy", ...user, "--policy-name", "all", "--policy-document", policy);
      return run("iam", "create-access-key", ...user);
    },
    async serve(credentials) {
      const service = await launch(home, ["serve", "--config", config]);
      return { service, kms: kmsClient(service.endpoint, service.caFile, credentials) };
    },
    remove: () => removeHome(home),
  };
}

export const softHsm = (folder: string): HsmConfig => ({ driver: "soft", directory: folder, keyFile: `${folder}-key` });

const everything = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
});
