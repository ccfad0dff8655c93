import type { KeyUsage } from "../../model/key-spec.ts";
import type { ProbeReport } from "./probe.ts";

/** What a probe has found, for people. */
export function probePage(report: ProbeReport): string {
  return [...identity(report), ...tests(report), ...keys(report), ...imports(report), ...choices(report)].join("\n");
}

function identity({ module, token, interfaces, mechanisms }: ProbeReport): string[] {
  const offered = interfaces?.map(({ name, version }) => `${name} ${version}`) ?? [];
  return [
    `${token.manufacturer} ${token.model} "${token.label}", serial ${token.serial || "none"}, firmware ${token.firmware}`,
    `${module.path}: ${module.manufacturer}, ${module.description} ${module.version}, PKCS#11 ${module.cryptoki}`,
    ...(offered.length > 0 ? [`interfaces: ${offered.join(", ")}`] : []),
    `${mechanisms.length} mechanisms listed, which proves nothing (--json names them)`,
  ];
}

function tests({ tests }: ProbeReport): string[] {
  if (tests.length === 0) return ["", "Nothing was tried: that takes a PIN (--pin)."];
  return ["", "by known answers", ...tests.map(({ name, ok, detail }) => line(ok, name, detail))];
}

function keys({ serves, refuses }: ProbeReport): string[] {
  if (serves.length + refuses.length === 0) return [];
  return [
    "",
    "keys",
    ...grouped(serves, ({ how }) => how).map(([how, names]) => line(true, names, how)),
    ...grouped(refuses, ({ reason }) => reason).map(([reason, names]) => line(false, names, reason)),
  ];
}

function imports({ imports: { takes, lacks } }: ProbeReport): string[] {
  const lines = [
    ...Object.entries(takes).map(([algorithm, specs]) => line(true, algorithm, specs.join(", "))),
    ...Object.entries(lacks).map(([algorithm, reason]) => line(false, algorithm, reason)),
  ];
  return lines.length > 0 ? ["", "key material from outside, by wrapping algorithm", ...lines] : [];
}

function choices({ tests, wrappings, boundaries, domainKeyModes, domainKeyMode }: ProbeReport): string[] {
  if (tests.length === 0) return [];
  if (boundaries.length === 0) return ["", "This token cannot serve as it is."];
  return [
    "",
    `wrapping: ${wrappings.join(", ")}`,
    `boundary: ${boundaries.join(", ")}`,
    `modes of a domain key: ${domainKeyModes.join(", ")}${domainKeyMode ? `; it has one that is ${domainKeyMode}` : ""}`,
  ];
}

/** Specs and usages of one explanation, in the order of their first. */
function grouped<Key extends { readonly spec: string; readonly usage: KeyUsage }>(
  all: readonly Key[],
  explanation: (key: Key) => string,
): (readonly [explanation: string, names: string])[] {
  return [...Map.groupBy(all, explanation)].map(([text, found]) => [
    text,
    [...Map.groupBy(found, ({ usage }) => usage)]
      .map(([usage, same]) => `${same.map(({ spec }) => spec).join(", ")} (${usage})`)
      .join("; "),
  ]);
}

const line = (ok: boolean, name: string, detail: string): string => `  ${ok ? "✓" : "✗"} ${name}\n      ${detail}`;
