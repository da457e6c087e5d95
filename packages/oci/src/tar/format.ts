/**
 * One 512-byte header of a tar archive: POSIX.1-2024 pax "ustar Interchange Format", and the GNU, star and
 * seventh-edition variants of it.
 */

export const BLOCK_BYTES = 512;

/** A field of the header: where it starts and how long it is. */
export interface Field {
  readonly start: number;
  readonly length: number;
}

/** Where the fields are. */
export const FIELDS: Readonly<
  Record<
    | 'name'
    | 'mode'
    | 'uid'
    | 'gid'
    | 'size'
    | 'mtime'
    | 'checksum'
    | 'typeFlag'
    | 'linkName'
    | 'magic'
    | 'deviceMajor'
    | 'deviceMinor'
    | 'prefix'
    | 'starPrefix'
    | 'starTrailer',
    Field
  >
> = {
  name: { start: 0, length: 100 },
  mode: { start: 100, length: 8 },
  uid: { start: 108, length: 8 },
  gid: { start: 116, length: 8 },
  size: { start: 124, length: 12 },
  mtime: { start: 136, length: 12 },
  checksum: { start: 148, length: 8 },
  typeFlag: { start: 156, length: 1 },
  linkName: { start: 157, length: 100 },
  magic: { start: 257, length: 8 },
  deviceMajor: { start: 329, length: 8 },
  deviceMinor: { start: 337, length: 8 },
  prefix: { start: 345, length: 155 },
  /** star: a shorter prefix, then times. */
  starPrefix: { start: 345, length: 131 },
  starTrailer: { start: 508, length: 4 },
};

/** `ustar`, NUL, version `00`. */
export const USTAR_MAGIC = 'ustar\x0000';
/** What GNU tar writes: `ustar`, two blanks, NUL. */
const GNU_MAGIC = 'ustar  \0';

/** Type flags with a meaning here. */
export const TYPE = {
  file: '0',
  oldFile: '\0',
  contiguousFile: '7',
  hardlink: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
  paxEntry: 'x',
  /** Solaris' letter for the same. */
  paxEntrySolaris: 'X',
  paxGlobal: 'g',
  gnuLongName: 'L',
  gnuLongLink: 'K',
  gnuSparse: 'S',
  gnuVolumeLabel: 'V',
} as const;

/** The fields of one header block, nothing yet applied from extended headers. */
export interface HeaderBlock {
  readonly format: 'v7' | 'ustar' | 'star' | 'gnu';
  readonly typeFlag: string;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  /** 0 unless the entry is a device: other tools leave anything there. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** What is wrong with a header block, in words that end an error message. */
export class HeaderProblem extends Error {
  override readonly name: string = 'HeaderProblem';
}

/** Whether a block is all zero, the mark of an archive's end. */
export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.equals(ZERO_BLOCK);
}

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/**
 * Reads one header block whose checksum is right.
 *
 * @throws HeaderProblem for a number that is none
 */
export function parseHeaderBlock(block: Buffer): HeaderBlock {
  const format = formatOf(block);
  const typeFlag = latin1(block, FIELDS.typeFlag);
  const isDevice = typeFlag === TYPE.characterDevice || typeFlag === TYPE.blockDevice;
  return {
    format,
    typeFlag,
    name: nameOf(block),
    linkName: parseText(block, FIELDS.linkName),
    mode: parseNumber(block, FIELDS.mode, 'mode') & 0o7777,
    uid: parseId(block, FIELDS.uid, 'user id'),
    gid: parseId(block, FIELDS.gid, 'group id'),
    sizeBytes: parseSize(block),
    mtimeSec: parseNumber(block, FIELDS.mtime, 'modification time'),
    deviceMajor: isDevice ? parseId(block, FIELDS.deviceMajor, 'device number') : 0,
    deviceMinor: isDevice ? parseId(block, FIELDS.deviceMinor, 'device number') : 0,
  };
}

function formatOf(block: Buffer): HeaderBlock['format'] {
  const magic = latin1(block, FIELDS.magic);
  if (magic === GNU_MAGIC) return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  return latin1(block, FIELDS.starTrailer) === 'tar\0' ? 'star' : 'ustar';
}

/** The member's name by this block alone. GNU headers hold other things where POSIX has the prefix. */
export function nameOf(block: Buffer): string {
  const format = formatOf(block);
  const name = parseText(block, FIELDS.name);
  if (format === 'gnu' || format === 'v7') return name;
  const prefix = parseText(block, format === 'star' ? FIELDS.starPrefix : FIELDS.prefix);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/**
 * Compares the sum of all bytes, the checksum field taken as blanks; old tools summed signed bytes.
 *
 * @throws HeaderProblem
 */
export function checkChecksum(block: Buffer): void {
  const stored = parseNumber(block, FIELDS.checksum, 'checksum');
  if (stored !== checksumOf(block) && stored !== signedChecksumOf(block)) {
    throw new HeaderProblem('the checksum of its header is wrong');
  }
}

/** The checksum a header block should carry. */
export function checksumOf(block: Buffer): number {
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index += 1) sum += block[index] ?? 0;
  return sum - checksumFieldSum(block) + FIELDS.checksum.length * 0x20;
}

function checksumFieldSum(block: Buffer): number {
  const { start, length } = FIELDS.checksum;
  let sum = 0;
  for (let index = start; index < start + length; index += 1) sum += block[index] ?? 0;
  return sum;
}

function signedChecksumOf(block: Buffer): number {
  const { start, length } = FIELDS.checksum;
  let sum = length * 0x20;
  for (let index = 0; index < BLOCK_BYTES; index += 1) {
    if (index < start || index >= start + length) sum += block.readInt8(index);
  }
  return sum;
}

function latin1(block: Buffer, field: Field): string {
  return block.toString('latin1', field.start, field.start + field.length);
}

/** Text up to the first NUL; a field that is full has none. */
function parseText(block: Buffer, field: Field): string {
  if (block[field.start] === 0) return '';
  const end = block.indexOf(0, field.start);
  const limit = field.start + field.length;
  return block.toString('latin1', field.start, end === -1 || end > limit ? limit : end);
}

function parseSize(block: Buffer): number {
  const size = parseNumber(block, FIELDS.size, 'size');
  if (size < 0) throw new HeaderProblem('its size is negative');
  return size;
}

/** User, group and device numbers are 32 bits wide in every kernel interface. */
function parseId(block: Buffer, field: Field, what: string): number {
  const id = parseNumber(block, field, what);
  if (id < 0 || id > 0xffff_ffff) throw new HeaderProblem(`its ${what} ${id} is out of range`);
  return id;
}

/** Octal digits among blanks and NULs, or big-endian two's complement when the first bit is set (GNU, star). */
export function parseNumber(block: Buffer, field: Field, what: string): number {
  const first = block[field.start] ?? 0;
  return first >= 0x80 ? parseBase256(block, field, what) : parseOctal(block, field, what);
}

function parseOctal(block: Buffer, field: Field, what: string): number {
  const limit = field.start + field.length;
  let index = field.start;
  while (index < limit && isFiller(block[index])) index += 1;
  let value = 0;
  for (; index < limit && !isFiller(block[index]); index += 1) {
    const digit = (block[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) throw new HeaderProblem(`its ${what} is not a number`);
    value = value * 8 + digit;
  }
  for (; index < limit; index += 1) {
    if (!isFiller(block[index])) throw new HeaderProblem(`its ${what} is not a number`);
  }
  return value;
}

function isFiller(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}

function parseBase256(block: Buffer, field: Field, what: string): number {
  const bits = field.length * 8 - 1;
  let value = BigInt((block[field.start] ?? 0) & 0x7f);
  for (let index = field.start + 1; index < field.start + field.length; index += 1) {
    value = value * 256n + BigInt(block[index] ?? 0);
  }
  const number = Number(BigInt.asIntN(bits, value));
  if (!Number.isSafeInteger(number)) throw new HeaderProblem(`its ${what} is out of range`);
  return number;
}
