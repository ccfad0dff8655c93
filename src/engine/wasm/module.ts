import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, hex } from "../../base/bytes.ts";
import { ConfigError } from "../../base/errors.ts";

/** Both come from assembly/ by scripts/build-wasm; `relaxed` is faster where the platform has relaxed SIMD. */
export const builds = ["relaxed", "strict"] as const;
export type Build = (typeof builds)[number];

const built = join(import.meta.dirname, "../../../build/wasm");

/** The fastest build that this platform takes. */
export async function compile(): Promise<WebAssembly.Module> {
  const relaxed = await load("relaxed", built);
  return WebAssembly.compile(WebAssembly.validate(relaxed) ? relaxed : await load("strict", built));
}

export const compileBuild = async (build: Build, folder = built): Promise<WebAssembly.Module> =>
  WebAssembly.compile(await load(build, folder));

/** Throws a ConfigError when the module has not been built, or is not the one that was. */
async function load(build: Build, folder: string): Promise<Bytes> {
  const path = join(folder, `strongroom-${build}.wasm`);
  const [bytes, digest] = await Promise.all([readFile(path), readFile(`${path}.sha256`, "latin1")]).catch((cause) => {
    throw new ConfigError(`the WebAssembly engine has not been built: run scripts/build (${path})`, { cause });
  });
  if (hex(createHash("sha256").update(bytes).digest()) !== digest.trim()) {
    throw new ConfigError(`${path} is not what scripts/build made: run it again`);
  }
  return bytes;
}
