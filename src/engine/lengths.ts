import type { Bytes } from "../base/bytes.ts";

export const keyLength = 32;
export const sm4KeyLength = 16;
export const gcmIvLength = 12;
export const gcmTagLength = 16;

/** Whether KWP can have made it of at most `longest` bytes. */
export const isWrapped = (wrapped: Bytes, longest: number): boolean =>
  wrapped.length >= 16 && wrapped.length <= longest + 8 && wrapped.length % 8 === 0;

/** Of the wrapping that KWP makes of `length` bytes. */
export const wrappedLength = (length: number): number => Math.ceil(length / 8) * 8 + 8;

export function assertLength(bytes: Bytes, length: number): void {
  assertWithin(bytes.length, length, length);
}

export function assertWithin(length: number, least: number, most: number): void {
  if (!Number.isInteger(length) || length < least || length > most) {
    throw new RangeError(`${length} bytes: not ${least} to ${most}`);
  }
}
