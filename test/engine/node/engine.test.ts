import { open } from "../../../src/engine/node/engine.ts";
import { boundaryConformance } from "../../conformance/boundary.ts";
import { engineConformance } from "../../conformance/engine.ts";
import { sm4OfOpenSsl } from "../../conformance/engine-sm4.ts";

sm4OfOpenSsl();
engineConformance("the node engine", open);
boundaryConformance("the boundary of the node engine", open);
