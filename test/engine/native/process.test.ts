import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const nobody = 65_534;

it("a protected process shows its memory to root only", () => {
  const module = join(import.meta.dirname, "../../../src/engine/native/process.ts");
  // Files of /proc/PID belong to root where a process is not dumpable: proc_pid(5).
  const script = `import { protectProcess } from ${JSON.stringify(module)};
    import { statSync } from "node:fs";
    const owner = () => statSync("/proc/self/mem").uid;
    console.log(owner(), protectProcess(), owner());`;
  const args = [process.execPath, "--input-type=module-typescript", "-e", script];
  const asRoot = process.getuid?.() === 0;
  // A user who may read this folder, wherever it is.
  const caps = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
  const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", ...caps];
  const [command = "", ...rest] = asRoot ? [...asNobody, ...args] : args;
  const user = asRoot ? nobody : process.getuid?.();
  expect(execFileSync(command, rest, { encoding: "utf8" })).toBe(`${user} true 0\n`);
});
