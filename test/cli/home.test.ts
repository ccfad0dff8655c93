import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { defaultHome, lockHome, openHome } from "../../src/cli/home.ts";

test("a home is made for its owner only, and found again", () => {
  const path = join(folder(), "deep", "home");
  expect(openHome(path)).toBe(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(openHome(path)).toBe(path);
});

test("a home behind a symbolic link is known by its real path", () => {
  const parent = folder();
  mkdirSync(join(parent, "real"), { mode: 0o700 });
  symlinkSync("real", join(parent, "link"));
  expect(openHome(join(parent, "link"))).toBe(join(parent, "real"));
});

test.each([0o770, 0o707, 0o777])("a home of mode %o is refused", (mode) => {
  const path = folder();
  chmodSync(path, mode);
  expect(() => openHome(path)).toThrow(ConfigError);
});

test("a home that belongs to someone else is refused", () => {
  if (process.geteuid?.() !== 0) return expect(() => openHome("/usr")).toThrow("belongs to another user");
  const path = folder();
  chownSync(path, 65534, 65534);
  expect(() => openHome(path)).toThrow("belongs to another user");
});

test("a home that is a file is refused", () => {
  expect(() => openHome("/etc/passwd")).toThrow(ConfigError);
});

test("a path that would end a line of a configuration file is refused", () => {
  expect(() => openHome(join(folder(), "a\nb"))).toThrow("control character");
});

test("STRONGROOM_HOME names the default", () => {
  const before = process.env["STRONGROOM_HOME"];
  process.env["STRONGROOM_HOME"] = "/somewhere";
  onTestFinished(() => {
    if (before === undefined) delete process.env["STRONGROOM_HOME"];
    else process.env["STRONGROOM_HOME"] = before;
  });
  expect(defaultHome()).toBe("/somewhere");
});

test("one process serves a home, and its lock dies with it", async () => {
  const home = openHome(folder());
  const other = await started(`lockHome(${JSON.stringify(home)}); console.log("ready"); setInterval(() => {}, 1000);`);
  expect(() => lockHome(home)).toThrow(`${home} is in use`);
  other.kill("SIGKILL");
  await once(other, "exit");
  const unlock = lockHome(home);
  expect(() => lockHome(home)).toThrow("is in use");
  unlock();
  lockHome(home)();
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "an ephemeral home is in memory and gone after %s",
  async (signal) => {
    const service = spawned("console.log(ephemeralHome()); setInterval(() => {}, 1000);");
    const home = await firstLine(service);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(home).toMatch(/^\/dev\/shm\//);
    service.kill(signal);
    const [status] = await once(service, "exit");
    expect(status).toBeGreaterThan(128);
    expect(existsSync(home)).toBe(false);
  },
);

test("an ephemeral home lasts until an orderly stop is over", async () => {
  const service = spawned(`
    const home = ephemeralHome();
    process.on("SIGTERM", () => setTimeout(() => { console.log(existsSync(home)); process.exit(0); }, 100));
    console.log(home);
    setInterval(() => {}, 1000);
  `);
  const home = await firstLine(service);
  const last = firstLine(service);
  service.kill("SIGTERM");
  const [status] = await once(service, "exit");
  expect([await last, status, existsSync(home)]).toEqual(["true", 0, false]);
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "home-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function spawned(code: string): ChildProcess {
  const module = new URL("../../src/cli/home.ts", import.meta.url);
  const script = `import { existsSync } from "node:fs"; import { ephemeralHome, lockHome } from "${module}"; ${code}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function started(code: string): Promise<ChildProcess> {
  const child = spawned(code);
  await firstLine(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [data] = await once(child.stdout as NodeJS.ReadableStream, "data");
  return String(data).trim();
}
