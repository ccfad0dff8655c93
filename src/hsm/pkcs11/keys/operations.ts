import type { Bytes } from "../../../base/bytes.ts";
import type { DataKey } from "../../hsm.ts";
import type { Mechanism } from "../cryptoki/cryptoki.ts";
import type { BackingKey } from "./backing-keys.ts";

/** Later where the calls of the module have threads of their own. */
export type Soon<Answer> = Answer | Promise<Answer>;

/**
 * What requests do with keys that are open, over and over; those that seal, open and make data keys are of a spec that has a
 * suite. Octets that are answered can be wiped.
 */
export interface Operations {
  /** `header ‖ ciphertext ‖ tag`, of model/ciphertext.ts. */
  seal(key: BackingKey, plaintext: Bytes, aad: Bytes): Soon<Bytes>;
  /** null: not authentic. */
  open(key: BackingKey, ciphertext: Bytes, aad: Bytes): Soon<Bytes | null>;
  dataKey(key: BackingKey, length: number, aad: Bytes, want: "both" | "ciphertext"): Soon<DataKey>;
  /** null: not authentic. */
  reEncrypt(from: BackingKey, ciphertext: Bytes, aad: Bytes, to: BackingKey, toAad: Bytes): Soon<Bytes | null>;
  /** HMAC, by the hash of the key. */
  mac(key: BackingKey, message: Bytes): Soon<Bytes>;
  sign(mechanism: Mechanism, key: BackingKey, data: Bytes): Soon<Bytes>;
  decrypt(mechanism: Mechanism, key: BackingKey, ciphertext: Bytes): Soon<Bytes>;
  random(length: number): Soon<Bytes>;
  /** How many session objects calls have made. */
  readonly made: number;
}
