/** Bytes of a time in a directory record and in field TF, in UTC (ECMA-119 9.1.5). */
export const TIME_BYTES = 7;

const FIRST_SEC = Date.UTC(1900, 0, 1) / 1000;
const LAST_SEC = Date.UTC(2155, 11, 31, 23, 59, 59) / 1000;

/** The nearest time such a field can say. */
export function isoSeconds(timeSec: number): number {
  return Math.min(Math.max(timeSec, FIRST_SEC), LAST_SEC);
}

export function encodeTime(timeSec: number): Buffer {
  const at = new Date(isoSeconds(timeSec) * 1000);
  return Buffer.from([
    at.getUTCFullYear() - 1900,
    at.getUTCMonth() + 1,
    at.getUTCDate(),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
    0,
  ]);
}

/** Seconds since 1970; 0 where the field does not say a time. */
export function decodeTime(bytes: Uint8Array): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, quarters = 0] = bytes;
  if (month < 1 || month > 12 || day < 1 || day > 31) return 0;
  const zone = quarters > 127 ? quarters - 256 : quarters;
  return Date.UTC(1900 + year, month - 1, day, hour, minute, second) / 1000 - zone * 15 * 60;
}

/** The 17 bytes of a time in a volume descriptor, in UTC (ECMA-119 8.4.26.1). */
export function encodeDescriptorTime(timeSec: number): Buffer {
  const digits = new Date(isoSeconds(timeSec) * 1000).toISOString().replaceAll(/[-T:.Z]/g, '');
  return Buffer.concat([Buffer.from(digits.slice(0, 16), 'latin1'), Buffer.alloc(1)]);
}

/** A time in a volume descriptor that says nothing. */
export const NO_DESCRIPTOR_TIME: Buffer = Buffer.concat([Buffer.alloc(16, '0'), Buffer.alloc(1)]);
