import type { Engine, EngineName } from "./engine.ts";
import { selfTest } from "./self-test.ts";

/** Whoever adds an engine adds a line here, and its name in engine.ts. */
const engines: Readonly<Record<EngineName, () => Promise<{ open(): Promise<Engine> }>>> = {
  wasm: () => import("./wasm/engine.ts"),
  native: () => import("./native/engine.ts"),
  node: () => import("./node/engine.ts"),
};

/** An engine that has passed its self-tests. HsmError("internal") when it has not; ConfigError when it is not built. */
export async function openEngine(name: EngineName): Promise<Engine> {
  const engine = await (await engines[name]()).open();
  selfTest(engine);
  return engine;
}
