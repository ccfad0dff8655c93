/** What a call of the boundary answers when it is not a length. */
export const OK: i32 = 0;
/** Not a token that this call serves, or not authentic, or under an unknown domain key. */
export const REFUSED: i32 = -1;
/** The ciphertext is not authentic under this key and additional data. */
export const NOT_AUTHENTIC: i32 = -2;
/** All slots for domain keys are held. */
export const FULL: i32 = -3;
/** The root is not set, or set twice; a rewrapped token would name another HBK. */
export const FAULT: i32 = -4;
