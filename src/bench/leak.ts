import { writeFileSync } from "node:fs";
import { HsmError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import { selfTest } from "../engine/self-test.ts";
import { openWith } from "../engine/wasm/engine.ts";
import { builds, compileBuild } from "../engine/wasm/module.ts";
import { earlyExit } from "./leaks/control.ts";
import { crops, measureLeak, type Path, threshold, type Verdict } from "./leaks/harness.ts";
import { pathsOf } from "./leaks/paths.ts";
import { tell } from "./progress.ts";
import { report, table } from "./report.ts";

export interface LeakTestOptions {
  /** Measurements of each path. */
  readonly samples: number;
  /** Where to write the figures. */
  readonly json?: string;
}

interface LeakRow extends Verdict {
  readonly engine: string;
  readonly path: string;
  readonly samples: number;
}

/**
 * Whether time tells a fixed secret from random ones, for every path of both WebAssembly builds that handles one.
 * `HsmError("internal")` where it does, or where the test misses a leak that was planted.
 */
export async function runLeakTest({ samples, json }: LeakTestOptions): Promise<void> {
  const planted = measured("planted leak", earlyExit, samples);
  const rows: LeakRow[] = [];
  for (const build of builds) {
    const engine = openWith(await compileBuild(build));
    selfTest(engine);
    rows.push(...measuredOf(`wasm ${build}`, engine, samples));
  }
  tell("");
  console.log(summary([planted, ...rows]));
  if (json !== undefined) {
    const { machine, node } = report([]);
    writeFileSync(
      json,
      `${JSON.stringify({ machine, node, threshold, crops, rows: [planted, ...rows] }, undefined, 2)}\n`,
    );
  }
  if (!leaks(planted)) throw new HsmError("internal", "the test has missed a planted leak");
  const leaking = rows.filter(leaks).map(({ engine, path }) => `${path} of ${engine}`);
  if (leaking.length > 0) throw new HsmError("internal", `time depends on a secret: ${leaking.join(", ")}`);
}

const measuredOf = (name: string, engine: Engine, samples: number): LeakRow[] =>
  pathsOf(engine).map((path) => measured(name, path, samples));

function measured(engine: string, path: Path, samples: number): LeakRow {
  tell(`${engine}: ${path.name}`);
  return { engine, path: path.name, samples, ...measureLeak(path, samples) };
}

const leaks = ({ t }: Verdict): boolean => !(Math.abs(t) < threshold);

function summary(rows: readonly LeakRow[]): string {
  const heads = ["", "", "samples", "Welch's t", "in the shortest", ""];
  const cells = rows.map((row) => [
    row.engine,
    row.path,
    String(row.samples),
    row.t.toFixed(2),
    `${row.crop * 100} %`,
    leaks(row) ? "LEAKS" : "",
  ]);
  return [
    table([heads, ...cells]),
    "",
    `A fixed secret (zeros) against random ones, in random order, prepared alike. t: the farthest from 0 of those in the`,
    `shortest ${crops.map((crop) => crop * 100).join(", ")} % of the measurements; from ±${threshold} on, a leak.`,
  ].join("\n");
}
