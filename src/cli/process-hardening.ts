import { writeFileSync } from "node:fs";
import { ConfigError } from "../base/errors.ts";
import { protectProcess } from "../engine/native/process.ts";

/**
 * What may stand in NODE_OPTIONS. A list of what is allowed, because what opens an inspector or writes memory, TLS
 * secrets or reports to files hides behind `--require` and `--import`, too: an editor's "auto attach" does that.
 */
const harmless = [
  "--disable-warning",
  "--dns-result-order",
  "--enable-source-maps",
  "--force-fips",
  "--enable-fips",
  "--max-old-space-size",
  "--max-semi-space-size",
  "--no-deprecation",
  "--no-warnings",
  "--secure-heap",
  "--secure-heap-min",
  "--use-openssl-ca",
  "--use-system-ca",
];

/**
 * First thing in a process that will hold keys: refuses NODE_OPTIONS that could show them (ConfigError), makes files
 * private by default, leaves memory out of core files (core(5): filter 0 dumps no mappings) and, where the native engine
 * has been built, keeps out whoever runs as the same user.
 */
export function hardenProcess(): void {
  refuseNodeOptions(process.env["NODE_OPTIONS"] ?? "");
  process.umask(0o077);
  if (process.platform === "linux") writeFileSync("/proc/self/coredump_filter", "0");
  protectProcess();
}

/** Reads it as node(1) does: flags apart by spaces, quoted by `"`, `_` as good as `-`, values after `=` or a space. */
function refuseNodeOptions(nodeOptions: string): void {
  const flags = nodeOptions.split(/[\s"\\]+/).filter((word) => word.startsWith("-"));
  const refused = flags.find((flag) => !harmless.includes((flag.split("=", 1)[0] as string).replaceAll("_", "-")));
  if (refused !== undefined)
    throw new ConfigError(`NODE_OPTIONS: ${refused} is not allowed for a service that holds keys`);
}
