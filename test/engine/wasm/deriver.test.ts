import { expect, it } from "vitest";
import { Core } from "../../../src/engine/wasm/core.ts";
import { openWith } from "../../../src/engine/wasm/engine.ts";
import { compileBuild } from "../../../src/engine/wasm/module.ts";

const hbk = new Uint8Array(32).fill(7);

it("refuses a deriver that it has no room for, until another is closed", async () => {
  const module = await compileBuild("strict");
  const core = new Core(module);
  const engine = openWith(module, core);
  const derivers = Array.from({ length: 512 }, () => engine.deriver(hbk));
  expect(() => engine.deriver(hbk)).toThrow(expect.objectContaining({ kind: "internal" }));
  derivers[100]?.close();
  derivers[100] = engine.deriver(hbk);
  for (const deriver of derivers) deriver.close();
  expect(core.memory).toEqual(new Core(module).memory);
});

it("takes no place for an HBK of a wrong length", async () => {
  const engine = openWith(await compileBuild("strict"));
  for (let i = 0; i < 1000; i++) expect(() => engine.deriver(new Uint8Array(31))).toThrow(RangeError);
  engine.deriver(hbk).close();
});
