import { open } from "../../../src/engine/native/engine.ts";
import { boundaryConformance } from "../../conformance/boundary.ts";
import { engineConformance } from "../../conformance/engine.ts";

engineConformance("the native engine", open);
boundaryConformance("the boundary of the native engine", open);
