import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { administrator, checkout, removeHome, type Service, startService, temporaryHome } from "./service.ts";

const [ruby, go] = ["/usr/bin/ruby", "/usr/bin/go"];

describe("SDKs as Debian packages them", () => {
  const home = temporaryHome();
  const program = (name: string): string => join(checkout, "test/contract/clients", name);
  let service: Service;

  beforeAll(async () => {
    service = await startService(home);
  }, 120_000);

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  const run = (command: string, args: readonly string[], environment: Readonly<Record<string, string>>): string =>
    execFileSync(command, args, { encoding: "utf8", env: { PATH: "/usr/bin:/bin", HOME: home, ...environment } });

  it("Ruby's works", () => {
    expect(existsSync(ruby), "the Debian package ruby-aws-sdk-kms").toBe(true);
    expect(run(ruby, [program("walk.rb")], service.environment)).toBe("done\n");
  }, 60_000);

  // The SDK takes 10 s of CPU to compile, once: what is compiled is kept under build/.
  it("Go's works", () => {
    expect(existsSync(go), "the Debian package golang-go").toBe(true);
    const source = "/usr/share/gocode";
    const compiling = { GO111MODULE: "off", GOPATH: source, GOCACHE: join(checkout, "build/go"), GOFLAGS: "-p=1" };
    const walk = join(home, "walk");
    run(go, ["build", "-o", walk, program("walk.go")], compiling);
    const { accessKeyId, secretAccessKey } = administrator(home);
    const credentials = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const trust = { SSL_CERT_FILE: service.caFile };
    expect(run(walk, [], { ...service.environment, ...credentials, ...trust })).toBe("done\n");
  }, 300_000);
});
