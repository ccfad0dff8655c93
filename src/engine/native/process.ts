import { isBuilt, load } from "./addon.ts";
import { answered } from "./status.ts";

/**
 * Keeps debuggers and readers of /proc/PID of the same user out of this process, and its memory out of core files. false:
 * the native engine has not been built. To be called after the last write to a file of /proc/self.
 */
export function protectProcess(): boolean {
  if (!isBuilt()) return false;
  answered(load().protectProcess());
  return true;
}
