import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const module = new URL("../../src/cli/process-hardening.ts", import.meta.url);
const show = `
  import { hardenProcess } from "${module}";
  import { readFileSync, writeFileSync } from "node:fs";
  writeFileSync("/proc/self/coredump_filter", "0x33");
  try {
    hardenProcess();
  } catch (problem) {
    console.error(String(problem));
    process.exit(1);
  }
  const filter = readFileSync("/proc/self/coredump_filter", "utf8").trim();
  console.log(filter, process.umask().toString(8));
`;
test("a core file would hold no memory, and files are private", () => {
  expect(run("").stdout).toBe("00000000 77\n");
});

test.each([
  "--max-old-space-size=512",
  "--max_old_space_size=512 --no-warnings",
  '"--disable-warning=ExperimentalWarning"',
])("NODE_OPTIONS=%s is harmless", (options) => {
  expect(run(options).status).toBe(0);
});

test.each([
  "--inspect=127.0.0.1:0",
  "--inspect-port=0",
  "--inspect_port=0",
  '"--inspect-port=0"',
  '"--in\\spect-port=0"',
  "--no-warnings --heapsnapshot-signal=SIGUSR2",
  "--heapsnapshot-near-heap-limit=1",
  "--report-on-signal",
  "--report-uncaught-exception",
  "--heap-prof",
  "--abort-on-uncaught-exception",
  "--tls-keylog=/dev/null",
  "--require node:fs",
  "-r node:fs",
  "--import=data:text/javascript,",
])("NODE_OPTIONS=%s is refused", (options) => {
  const { status, stderr } = run(options);
  expect(status).toBe(1);
  expect(stderr).toContain("ConfigError: NODE_OPTIONS: -");
});

/** In a folder of its own: some of the flags leave files behind. */
function run(nodeOptions: string) {
  const folder = mkdtempSync(join(tmpdir(), "hardening-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return spawnSync(process.execPath, ["--input-type=module", "-e", show], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: nodeOptions },
  });
}
