import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Pkcs11Config } from "../../../src/hsm/index.ts";
import { provisionSoftHsm2 } from "../../../src/hsm/pkcs11/provision.ts";

/** A maker of real SoftHSM2 tokens, each in a folder of its own, which go with the file's tests. */
export function softTokens(): (label?: string) => Promise<Pkcs11Config & { readonly folder: string }> {
  const root = mkdtempSync(join(tmpdir(), "strongroom-pkcs11-"));
  afterAll(() => rmSync(root, { recursive: true }));
  let made = 0;
  return async (label = "kms") => {
    const folder = join(root, `${++made}`);
    return { ...(await provisionSoftHsm2(folder, label)), folder };
  };
}
