import { describe } from "vitest";
import type { HsmConfig } from "../../src/hsm/index.ts";
import { anchorClaims, dataKeyClaims, encryptionClaims, lifeClaims } from "./hsm-data-path.ts";
import { domainKeyClaims } from "./hsm-domain-keys.ts";
import type { HsmFixture } from "./hsm-fixture.ts";
import { formatClaims } from "./hsm-formats.ts";
import { hmacKeyClaims, keyPairClaims } from "./hsm-key-pairs.ts";
import { tokenClaims } from "./hsm-tokens.ts";
import { migrationClaims, transportClaims } from "./hsm-transport.ts";

export type { HsmFixture } from "./hsm-fixture.ts";

/** What every driver must do. */
export function hsmConformance<Config extends HsmConfig>(name: string, fixture: HsmFixture<Config>): void {
  hsmDataPath(name, fixture);
  describe(`${name} has HMAC keys and key pairs`, () => {
    hmacKeyClaims(fixture);
    keyPairClaims(fixture);
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
    encryptionClaims(fixture);
    dataKeyClaims(fixture);
    tokenClaims(fixture);
    anchorClaims(fixture);
  });
}

/** Keys move from `source` to `target`, and what they encrypted there opens here. */
export function hsmMigration<Source extends HsmConfig, Target extends HsmConfig>(
  name: string,
  source: HsmFixture<Source>,
  target: HsmFixture<Target>,
): void {
  describe(`keys move: ${name}`, () => migrationClaims(source, target));
}
