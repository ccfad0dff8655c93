import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes longest comes first, so that every core has work until the end: files and folders, the longest ones first. */
const long = [
  "hsm/pkcs11/boundary",
  "contract/aws-cli",
  "faults/crash",
  "bench/hsm-test",
  "hsm/pkcs11/conformance",
  "hsm/pkcs11/nss",
  "hsm/pkcs11/keys/trusted-mode",
  "contract/matrix-tokens",
  "hsm/soft/conformance",
  "hsm/pkcs11/opencryptoki",
  "faults",
  "contract",
  "hsm/pkcs11",
  "bench",
];

/** After the long ones come the others, in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const name = relative(import.meta.dirname, moduleId);
      const found = long.findIndex((start) => name.startsWith(start));
      return found < 0 ? long.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}
