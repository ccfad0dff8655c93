/** A process of its own for each start: opens the engine that argv names, and prints how long that took, in nanoseconds. */
import type { EngineName } from "../../engine/engine.ts";
import { openEngine } from "../../engine/index.ts";

const name = process.argv[2] as EngineName;
await import(`../../engine/${name}/engine.ts`);
const start = process.hrtime.bigint();
await openEngine(name);
console.log(String(process.hrtime.bigint() - start));
