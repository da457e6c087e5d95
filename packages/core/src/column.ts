/** A list of numbers of one width, longer than what is in it. */
export type Column =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** How many numbers a column has room for at first. */
export const FIRST_ROOM = 64;

/** The same numbers with room for twice as many; the one given is used up. Room nobody has used costs no memory. */
export function grown<T extends Column>(column: T): T {
  const buffer = column.buffer.transfer(column.byteLength * 2);
  return new (column.constructor as new (buffer: ArrayBuffer) => T)(buffer);
}
