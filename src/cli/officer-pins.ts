import { ConfigError } from "../base/errors.ts";
import type { OfficerPins } from "../hsm/officers.ts";
import { flags, matching } from "./flags.ts";
import { promptPin } from "./pin-prompt.ts";

const pattern = /^(?:([^=:]+)=)?(file:.+|env:[A-Za-z_]\w*|prompt)$/s;

export const officerPinFlags = flags(
  "so-pin",
  "The PIN of the HSM's security officer, where the domain key is trusted: file:PATH, env:NAME or prompt; NAME=… of one of several",
  "file:<path>, env:<name> or prompt, or the same after <hsm>=",
  matching(pattern),
);

export async function officerPinsOf(given: readonly string[] = []): Promise<OfficerPins> {
  const pins: Record<string, string> = {};
  for (const one of given) {
    const [, name = "", reference = ""] = pattern.exec(one) ?? [];
    if (pins[name] !== undefined) throw new ConfigError("--so-pin is given twice for one HSM");
    const whose = `PIN of the security officer${name && ` of ${name}`}`;
    pins[name] = reference === "prompt" ? await promptPin(whose) : reference;
  }
  return pins;
}
