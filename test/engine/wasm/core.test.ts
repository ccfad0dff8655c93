import { expect, it } from "vitest";
import { Core } from "../../../src/engine/wasm/core.ts";
import { compileBuild } from "../../../src/engine/wasm/module.ts";

it("answers arrays that no later answer changes, of any length", async () => {
  const core = new Core(await compileBuild("strict"));
  const { DATA } = core.at;
  const lengths = [0, 1, 64, 65, 272, 1040, 8191, 8192, 8193, 65_536];
  const answers = [...lengths, ...lengths.toReversed(), ...lengths].map((length, i) => {
    core.memory.fill(i, DATA, DATA + length);
    return { i, length, answer: core.read(DATA, length) };
  });
  for (const { i, length, answer } of answers) expect(answer).toEqual(new Uint8Array(length).fill(i));
});
