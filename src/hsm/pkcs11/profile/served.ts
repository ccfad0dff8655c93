import { algorithmsOf, keyTypeOf } from "../../../model/algorithms.ts";
import { type HbkSpec, type KeyUsage, keySpecs, keyUsages } from "../../../model/key-spec.ts";
import type { Wrapping } from "../../../model/wrapping.ts";
import type { DomainKeyMode } from "../../config.ts";
import type { HsmInfo } from "../../hsm.ts";
import { macHashOf } from "../cryptoki/mac-hash.ts";
import { pairRefusal, unpaddingOf, working } from "../keys/pair-abilities.ts";
import { type ImportAbilities, unwrappingRefusal } from "./import-abilities.ts";
import type { Profile } from "./profile.ts";

/** Why an HSM of this profile has no keys of this spec and usage; undefined when it has. */
export function refusal(profile: Profile, of: Choices, spec: HbkSpec, usage: KeyUsage): string | undefined {
  if (!algorithmsOf(spec, usage)) return `There are no ${spec} keys for ${usage}.`;
  switch (keyTypeOf(spec)) {
    case "symmetric":
      return spec === "SM4" ? of.lacksSm4 : undefined;
    case "HMAC": {
      const hash = macHashOf({ kind: "kms-hmac", spec });
      return profile.hashes.includes(hash) ? undefined : `The token computes no HMAC by ${hash}.`;
    }
    case "asymmetric":
      if (of.wrapping === "resident") return "Key pairs are wrapped, and never kept as objects of the token.";
      return usage === "KEY_AGREEMENT" && of.domainKeyMode === "locked"
        ? "The domain key is locked: no key derives anything, so none agrees on secrets."
        : pairRefusal(profile.pairs, spec, usage);
  }
}

export const noWrappingKeys = "Wrapping keys are wrapped themselves, and never kept as objects of the token.";

/** Why no material of this spec comes in under this wrapping; undefined when it does. */
export function importRefusal(profile: Profile, of: Choices, spec: HbkSpec, wrapping: Wrapping): string | undefined {
  if (of.wrapping === "resident")
    return "Wrapping keys are wrapped themselves, and never kept as objects of the token.";
  return unwrappingRefusal(profile.imports, profile.pairs, spec, wrapping);
}

type Choices = Pick<HsmInfo, "domainKeyMode" | "wrapping" | "lacksSm4">;

export interface Served {
  readonly spec: HbkSpec;
  readonly usage: KeyUsage;
  /** For people. */
  readonly how: string;
}

export interface Refused {
  readonly spec: HbkSpec;
  readonly usage: KeyUsage;
  readonly reason: string;
}

export interface Survey {
  readonly serves: readonly Served[];
  readonly refuses: readonly Refused[];
  readonly imports: ImportAbilities;
}

/** Every spec and usage of the API, on one side or the other. */
export function surveyed(profile: Profile, domainKeyMode: DomainKeyMode): Survey {
  const all = keySpecs.flatMap((spec) =>
    keyUsages.filter((usage) => algorithmsOf(spec, usage)).map((usage) => ({ spec, usage })),
  );
  return {
    serves: all
      .filter(({ spec, usage }) => refusal(profile, { domainKeyMode }, spec, usage) === undefined)
      .map((one) => ({ ...one, how: howServed(profile, one.spec, one.usage) })),
    refuses: all.flatMap((one) => {
      const reason = refusal(profile, { domainKeyMode }, one.spec, one.usage);
      return reason === undefined ? [] : [{ ...one, reason }];
    }),
    imports: profile.imports,
  };
}

function howServed({ pairs }: Profile, spec: HbkSpec, usage: KeyUsage): string {
  const type = keyTypeOf(spec);
  if (type === "symmetric") {
    return "the key stays in the token, which derives one key for each call (KBKDF by CKM_SHA256_HMAC); AES-256-GCM, or SM4-GCM, with that is done in the worker process";
  }
  if (type === "HMAC") return "the key stays in the token, which computes with it";
  const unpadded = working(pairs, spec, usage).filter((algorithm) => unpaddingOf(pairs, algorithm) === "worker");
  const unpadding =
    unpadded.length > 0 ? `; the padding of ${unpadded.join(", ")} is taken off in the worker process` : "";
  return `the private key stays in the token, which computes with it${unpadding}`;
}
