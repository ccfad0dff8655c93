import * as gcm from "./gcm";
import { AAD, DATA, IV, KEY } from "./memory";
import { wipe } from "./wipe";

/*
 * A GCM message that the windows have room for. One that is longer takes the calls of gcm.ts part by part.
 */

/** Under the key at KEY, which is wiped. */
export function start(aadLength: usize, length: usize): void {
  gcm.start(KEY, IV, aadLength, length);
  wipe(KEY, 32);
}

/** The same by SM4, whose key is the first half of KEY. */
export function startSm4(aadLength: usize, length: usize): void {
  gcm.startSm4(KEY, IV, aadLength, length);
  wipe(KEY, 16);
}

/** The plaintext at DATA becomes ciphertext ‖ tag; the additional data is at AAD. */
export function seal(aadLength: usize, length: usize): void {
  gcm.authenticate(AAD, aadLength);
  gcm.encrypt(DATA, length);
  gcm.tag(DATA + length);
  gcm.finish();
}

/** Whether the ciphertext and its tag at DATA are authentic; then they are plaintext. */
export function open(aadLength: usize, length: usize): bool {
  gcm.authenticate(AAD, aadLength);
  gcm.authenticateCiphertext(DATA, length);
  const authentic = gcm.verify(DATA + length);
  if (authentic) gcm.gctr(DATA, length);
  gcm.finish();
  return authentic;
}
