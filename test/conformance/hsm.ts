import { describe, it } from "vitest";
import type { Claim } from "../../src/hsm/conformance/claim.ts";
import { dataPathClaims, otherKeyClaims } from "../../src/hsm/conformance/index.ts";
import type { HsmConfig } from "../../src/hsm/index.ts";
import { domainKeyClaims } from "./hsm-domain-keys.ts";
import { type HsmFixture, useBench } from "./hsm-fixture.ts";
import { formatClaims } from "./hsm-formats.ts";
import { importClaims, replicaClaims } from "./hsm-imports.ts";
import { keyPairClaims } from "./hsm-key-pairs.ts";
import { anchorClaims, lifeClaims } from "./hsm-life.ts";
import { strangerClaims } from "./hsm-tokens.ts";
import { migrationClaims, transportClaims } from "./hsm-transport.ts";

export type { HsmFixture } from "./hsm-fixture.ts";

/** What every driver must do. */
export function hsmConformance<Config extends HsmConfig>(name: string, fixture: HsmFixture<Config>): void {
  hsmDataPath(name, fixture);
  describe(`${name} has HMAC keys and key pairs`, () => {
    shared(otherKeyClaims, fixture);
    keyPairClaims(fixture);
    importClaims(fixture);
    replicaClaims(fixture);
  });
  describe(`${name} is an HsmAdmin`, () => {
    domainKeyClaims(fixture);
    transportClaims(fixture);
    formatClaims(fixture);
  });
}

/** What every `Hsm` must do with symmetric keys, also one whose keys cannot be moved. */
export function hsmDataPath<Config extends HsmConfig>(name: string, fixture: HsmFixture<Config>): void {
  describe(`${name} is an Hsm`, () => {
    lifeClaims(fixture);
    shared(dataPathClaims, fixture);
    strangerClaims(fixture);
    anchorClaims(fixture);
  });
}

/** Those of `hsm test`. */
function shared<Config extends HsmConfig>(claims: readonly Claim[], fixture: HsmFixture<Config>): void {
  const bench = useBench(fixture);
  const run = (claim: Claim) => claim.run({ ...bench(), stride: fixture.stride });
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
