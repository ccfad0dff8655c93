import { openWith } from "../../../src/engine/wasm/engine.ts";
import { builds, compileBuild } from "../../../src/engine/wasm/module.ts";
import { boundaryConformance } from "../../conformance/boundary.ts";
import { engineConformance } from "../../conformance/engine.ts";

for (const build of builds) {
  const open = async () => openWith(await compileBuild(build));
  engineConformance(`the wasm engine, ${build}`, open);
  boundaryConformance(`the boundary of the wasm engine, ${build}`, open);
}
