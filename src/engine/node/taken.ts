import type { Bytes } from "../../base/bytes.ts";
import { secret, wipe } from "../../base/secret.ts";

/** What node:crypto gave in a Buffer, which is wiped, as an array of our own. */
export function taken(buffer: Buffer, bytes = secret(buffer.length)): Bytes {
  bytes.set(buffer);
  wipe(buffer);
  return bytes;
}
