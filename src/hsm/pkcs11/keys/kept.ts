import { type EktHead, ektSuites } from "../../../model/ekt.ts";
import type { HbkKind } from "../../../model/hbk.ts";
import type { DomainKeyMode } from "../../config.ts";

/** Kinds whose material the host is given: no mode of a domain key keeps them inside. */
export const isReleased = (kind: HbkKind): boolean => kind === "record" || kind === "index";

/** Why a key can neither be wrapped under another domain key nor be exported; undefined when it can. */
export function whyKept(mode: DomainKeyMode, { suite, meta }: Pick<EktHead, "suite" | "meta">): string | undefined {
  if (suite === ektSuites.resident) return "The key is an object of the token, which never gives it away.";
  if (mode === "locked" && !isReleased(meta.kind)) {
    return "The domain key is locked: the token unwraps this key only for use, never to be wrapped again.";
  }
  return undefined;
}
