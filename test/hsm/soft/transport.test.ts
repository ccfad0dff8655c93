import { constants, createHash, createPublicKey, privateDecrypt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../../src/engine/node/engine.ts";
import type { SoftConfig } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/soft/driver.ts";
import { type Bench, closeBench, expectHsmError, metaOf, openBench } from "../../conformance/hsm-fixture.ts";
import { rsaKeys } from "../../rsa-keys.ts";

const privateKey = rsaKeys.RSA_3072;
const spki = new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" }));
const fingerprint = createHash("sha256").update(spki).digest("hex");
const directory = mkdtempSync(join(tmpdir(), "strongroom-soft-"));
let bench: Bench<SoftConfig>;
beforeAll(async () => {
  const config: SoftConfig = { driver: "soft", directory, keyFile: join(directory, "key"), engine: "node" };
  bench = await openBench({ driver, fresh: async () => config, stride: 1 });
});
afterAll(async () => {
  await closeBench(bench);
  rmSync(directory, { recursive: true });
});

describe("what a soft HSM exports", () => {
  it.each(["sha1", "sha256"] as const)("is RSA-OAEP with %s ‖ KWP, by the pinned hash", async (oaepHash) => {
    const { hsm, admin } = bench;
    await admin.pinTransportKey({ spki, fingerprint, oaepHash });
    const record = await hsm.generateKey(metaOf("record"));
    const claimed = oaepHash === "sha1" ? "sha256" : "sha1";
    const exported = await admin.exportTo(record, { spki, fingerprint, oaepHash: claimed });
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const ephemeral = privateDecrypt({ key: privateKey, padding, oaepHash }, exported.subarray(0, 384));
    const engine = await open();
    expect(engine.kwpUnwrap(ephemeral, exported.subarray(384))).toEqual(await hsm.release(record));
  });

  it("comes in to no HSM without a transport key", async () => {
    const exported = new Uint8Array(424);
    await expectHsmError("refused", bench.admin.importFrom(metaOf("record"), new Uint8Array(32), exported));
  });

  it("comes in under one transport key, whoever makes it first", async () => {
    const other = await driver.openAdmin(bench.config);
    const [mine, theirs] = await Promise.all([bench.admin.transportKey(), other.transportKey()]);
    expect(mine).toEqual(theirs);
    await other.close();
  });
});
