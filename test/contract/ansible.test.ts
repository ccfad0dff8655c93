import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeHome, type Service, startService, temporaryHome } from "./service.ts";

/** Debian's package, with its collection amazon.aws. */
const ansible = "/usr/bin/ansible-playbook";
const playbook = fileURLToPath(new URL("walks/ansible.yaml", import.meta.url));

describe("Ansible's kms_key module", () => {
  const home = temporaryHome();
  let service: Service;

  beforeAll(async () => {
    expect(existsSync(ansible), "the Debian package ansible").toBe(true);
    service = await startService(home);
  });

  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    removeHome(home);
  });

  it("makes a key, finds nothing to change in it, changes it once, and schedules its deletion", () => {
    const result = join(home, "result.json");
    execFileSync(ansible, ["-i", "localhost,", "-e", "ansible_python_interpreter=/usr/bin/python3", playbook], {
      env: { PATH: "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8", RESULT: result, ...service.environment },
      stdio: "pipe",
    });
    interface Outcome {
      readonly changed: boolean;
      readonly key_state: string;
    }
    const outcomes = JSON.parse(readFileSync(result, "utf8")) as readonly Outcome[];
    expect(outcomes.map(({ changed }) => changed)).toEqual([true, false, true, false, true]);
    expect(outcomes.slice(0, 4)).toMatchObject([
      { description: "payroll", enable_key_rotation: true, tags: { Name: "mykey", team: "pay" } },
      { description: "payroll", enable_key_rotation: true, tags: { Name: "mykey", team: "pay" } },
      { description: "salaries", enable_key_rotation: false, tags: { Name: "mykey" } },
      { description: "salaries", enable_key_rotation: false, tags: { Name: "mykey" } },
    ]);
    expect(outcomes[3]).toMatchObject({ grants: [{ name: "billing", operations: ["Decrypt", "RetireGrant"] }] });
    expect(outcomes[4]).toMatchObject({ key_state: "PendingDeletion" });
  }, 120_000);
});
