import { realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { ConfigError } from "../../base/errors.ts";

/**
 * The real path of a module that nobody but root and the current user can have put there: whoever can write the file,
 * or replace it in its folder, runs code with the PIN. ConfigError otherwise.
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
  for (const place of [file, dirname(file)]) {
    const { uid, mode } = statSync(place);
    if (uid !== 0 && uid !== process.getuid?.()) throw new ConfigError(`${place} belongs to another user than root`);
    if ((mode & 0o022) !== 0) throw new ConfigError(`${place} is writable by others than its owner`);
  }
  return file;
}
