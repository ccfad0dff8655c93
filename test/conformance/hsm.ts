import { describe, it } from "vitest";
import type { Claim } from "../../src/hsm/conformance/claim.ts";
import { dataPathClaims, otherKeyClaims } from "../../src/hsm/conformance/index.ts";
import type { HsmConfig } from "../../src/hsm/index.ts";
import { domainKeyClaims } from "./hsm-domain-keys.ts";
import { type Bench, type HsmFixture, useBench } from "./hsm-fixture.ts";
import { formatClaims } from "./hsm-formats.ts";
import { importClaims, replicaClaims } from "./hsm-imports.ts";
import { keyPairClaims } from "./hsm-key-pairs.ts";
import { anchorClaims, lifeClaims } from "./hsm-life.ts";
import { strangerClaims } from "./hsm-tokens.ts";
import { migrationClaims, transportClaims } from "./hsm-transport.ts";

export type { HsmFixture } from "./hsm-fixture.ts";

/** What every driver must do. */
export function hsmConformance<Config extends HsmConfig>(name: string, fixture: HsmFixture<Config>): void {
  describe(name, () => {
    const bench = useBench(fixture);
    dataPath(fixture, bench);
    describe("has HMAC keys and key pairs", () => {
      shared(otherKeyClaims, fixture, bench);
      keyPairClaims(fixture, bench);
      importClaims(fixture, bench);
      replicaClaims(fixture, bench);
    });
    describe("is an HsmAdmin", () => {
      domainKeyClaims(fixture);
      transportClaims(fixture, bench);
      formatClaims(bench);
    });
  });
}

/** What every `Hsm` must do with symmetric keys, also one whose keys cannot be moved; and `more`, with the same HSM. */
export function hsmDataPath<Config extends HsmConfig>(
  name: string,
  fixture: HsmFixture<Config>,
  more?: (bench: () => Bench<Config>) => void,
): void {
  describe(name, () => {
    const bench = useBench(fixture);
    dataPath(fixture, bench);
    more?.(bench);
  });
}

function dataPath<Config extends HsmConfig>(fixture: HsmFixture<Config>, bench: () => Bench<Config>): void {
  describe("is an Hsm", () => {
    lifeClaims(fixture, bench);
    shared(dataPathClaims, fixture, bench);
    strangerClaims(fixture, bench);
    anchorClaims(fixture, bench);
  });
}

/** Those of `hsm test`. */
function shared<Config extends HsmConfig>(
  claims: readonly Claim[],
  { stride }: HsmFixture<Config>,
  bench: () => Bench<Config>,
): void {
  const run = (claim: Claim) => claim.run({ ...bench(), stride });
  for (const [part, claimed] of Map.groupBy(claims, ({ part }) => part)) {
    describe(part, () => {
      for (const claim of claimed) it(claim.name, () => run(claim).then(() => undefined), 120_000);
    });
  }
}

/** Keys move from `source` to `target`, and what they encrypted there opens here. */
export function hsmMigration<Source extends HsmConfig, Target extends HsmConfig>(
  name: string,
  source: HsmFixture<Source>,
  target: HsmFixture<Target>,
): void {
  describe(`keys move: ${name}`, () => migrationClaims(source, target));
}
