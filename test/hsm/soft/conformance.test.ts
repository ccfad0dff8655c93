import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { EngineName } from "../../../src/engine/engine.ts";
import type { SoftConfig } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/soft/driver.ts";
import { type HsmFixture, hsmConformance, hsmMigration } from "../../conformance/hsm.ts";

const folder = mkdtempSync(join(tmpdir(), "strongroom-soft-"));
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;

const softOn = (engine: EngineName): HsmFixture<SoftConfig> => ({
  driver,
  fresh: async () => {
    const directory = join(folder, `${++made}`);
    return { driver: "soft", directory, keyFile: join(directory, "key"), engine };
  },
  stride: 1,
});

hsmConformance("the soft HSM on the node engine", softOn("node"));
hsmConformance("the soft HSM on the wasm engine", softOn("wasm"));
hsmConformance("the soft HSM on the native engine", softOn("native"));
hsmMigration("from a soft HSM on the node engine to one on the wasm engine", softOn("node"), softOn("wasm"));
hsmMigration("from a soft HSM on the wasm engine to one on the node engine", softOn("wasm"), softOn("node"));
hsmMigration("from a soft HSM on the wasm engine to one on the native engine", softOn("wasm"), softOn("native"));
