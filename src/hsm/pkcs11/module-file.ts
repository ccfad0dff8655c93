import { realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { ConfigError } from "../../base/errors.ts";

/** Of a folder: its entries are their owners' alone, as in /tmp. */
const sticky = 0o1000;

/**
 * The real path of a module that nobody but root and the current user can have put there: whoever can write the file, or
 * replace it or a folder above it, runs code with the PIN. ConfigError otherwise.
 */
export function trustedModule(path: string): string {
  if (!isAbsolute(path)) throw new ConfigError("module-path is not absolute");
  let file: string;
  try {
    file = realpathSync(path);
  } catch (cause) {
    throw new ConfigError(`there is no PKCS#11 module at ${path}`, { cause });
  }
  if (!statSync(file).isFile()) throw new ConfigError(`${path} is not a file`);
  for (let place = file; ; place = dirname(place)) {
    const { uid, mode } = statSync(place);
    if (uid !== 0 && uid !== process.getuid?.()) throw new ConfigError(`${place} belongs to another user than root`);
    if ((mode & 0o022) !== 0 && (place === file || (mode & sticky) === 0)) {
      throw new ConfigError(`${place} is writable by others than its owner`);
    }
    if (place === dirname(place)) return file;
  }
}
