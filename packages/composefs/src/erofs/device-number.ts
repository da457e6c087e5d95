/** A device as two numbers. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

export const MAJOR_MAX = 0xfff;
export const MINOR_MAX = 0xfffff;

/** The kernel's 32-bit encoding of a device number (`new_encode_dev`), as EROFS stores it. */
export function encodeDevice({ major, minor }: DeviceNumber): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The reverse of {@link encodeDevice}. */
export function decodeDevice(encoded: number): DeviceNumber {
  return { major: (encoded >>> 8) & MAJOR_MAX, minor: (encoded & 0xff) | ((encoded >>> 12) & 0xfff00) };
}
