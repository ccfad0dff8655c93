import { open } from "../../../src/engine/node/engine.ts";
import { boundaryConformance } from "../../conformance/boundary.ts";
import { engineConformance } from "../../conformance/engine.ts";

engineConformance("the node engine", open);
boundaryConformance("the boundary of the node engine", open);
