/** What the TOC says of a tar entry. Readers compare it with the tar-split, field by field, so it says what they see there. */
import type { TarHeader } from '../tar/entry.ts';
import { BLOCK_BYTES, FIELDS, HeaderProblem, parseHeaderBlock, parseNumber, TYPE } from '../tar/format.ts';
import { PAX, type PaxRecord, parsePaxRecords, parsePaxTime } from '../tar/pax.ts';
import type { TocEntryJson } from './toc.ts';

/** Words for what an entry is. */
const TYPES: Readonly<Record<TarHeader['kind'], string>> = {
  file: 'reg',
  hardlink: 'hardlink',
  symlink: 'symlink',
  'character-device': 'char',
  'block-device': 'block',
  directory: 'dir',
  fifo: 'fifo',
};
/** Type flags all readers take; a TOC has no word for others. */
const COMMON_TYPES: ReadonlySet<string> = new Set([
  TYPE.file,
  TYPE.oldFile,
  TYPE.hardlink,
  TYPE.symlink,
  TYPE.characterDevice,
  TYPE.blockDevice,
  TYPE.directory,
  TYPE.fifo,
]);
const EXTENSIONS: ReadonlySet<string> = new Set([TYPE.paxEntry, TYPE.gnuLongName, TYPE.gnuLongLink]);
/** Where GNU and star headers have times of access and of change. */
const OTHER_TIMES: Readonly<Record<string, readonly number[]>> = { gnu: [345, 357], star: [476, 488] };
/** The years four digits can write. */
const FIRST_YEAR_SEC = -62_135_596_800;
const LAST_YEAR_SEC = 253_402_300_799;

/**
 * Describes an entry by its header blocks, extended ones included; undefined when a TOC cannot: names that are no text, sparse
 * files, and what tools read in different ways.
 */
export function tocEntryOf(blocks: Buffer, entry: TarHeader): TocEntryJson | undefined {
  try {
    return describe(blocks, entry);
  } catch (problem) {
    if (problem instanceof HeaderProblem) return undefined;
    throw problem;
  }
}

function describe(blocks: Buffer, entry: TarHeader): TocEntryJson | undefined {
  const headers = headersOf(blocks);
  if (headers === undefined) return undefined;
  const { records, block } = headers;
  const own = parseHeaderBlock(block);
  const isLink = entry.kind === 'symlink' || entry.kind === 'hardlink';
  const name = asText(entry.path);
  const linkName = asText(entry.linkTarget);
  const isCommon =
    COMMON_TYPES.has(own.typeFlag) &&
    (isLink || own.linkName === '') &&
    (entry.kind === 'file' || own.sizeBytes === 0) &&
    (OTHER_TIMES[own.format] ?? []).every((at) => block[at] === 0) &&
    entry.mtimeSec >= FIRST_YEAR_SEC &&
    entry.mtimeSec <= LAST_YEAR_SEC;
  const xattrs = xattrsOf(entry);
  if (!isCommon || name === undefined || linkName === undefined || xattrs === undefined) return undefined;
  return {
    type: TYPES[entry.kind],
    name,
    ...(linkName === '' ? {} : { linkName }),
    ...number('mode', parseNumber(block, FIELDS.mode, 'mode')),
    ...number('size', entry.kind === 'file' ? entry.sizeBytes : 0),
    ...number('uid', entry.uid),
    ...number('gid', entry.gid),
    modtime: formatTime(entry.mtimeSec, entry.mtimeNsec),
    ...time('accesstime', records, 'atime'),
    ...time('changetime', records, 'ctime'),
    ...deviceOf(block, own.format),
    ...xattrs,
  };
}

interface Headers {
  readonly records: readonly PaxRecord[];
  /** The entry's own block. */
  readonly block: Buffer;
}

/** Walks over extended headers to the entry's own. */
function headersOf(blocks: Buffer): Headers | undefined {
  let at = 0;
  let records: readonly PaxRecord[] = [];
  while (at + BLOCK_BYTES < blocks.length) {
    const { typeFlag, sizeBytes } = parseHeaderBlock(blocks.subarray(at, at + BLOCK_BYTES));
    if (!EXTENSIONS.has(typeFlag)) return undefined;
    const body = blocks.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + sizeBytes);
    if (typeFlag === TYPE.paxEntry) records = parsePaxRecords(body);
    at += BLOCK_BYTES + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  if (at + BLOCK_BYTES !== blocks.length || records.some(({ key }) => key.startsWith(PAX.sparsePrefix))) {
    return undefined;
  }
  return { records, block: blocks.subarray(at) };
}

function number(key: 'mode' | 'size' | 'uid' | 'gid', value: number): Readonly<Record<string, number>> {
  return value === 0 ? {} : { [key]: value };
}

function deviceOf(block: Buffer, format: string): Pick<TocEntryJson, 'devMajor' | 'devMinor'> {
  if (format === 'v7') return {};
  const devMajor = parseNumber(block, FIELDS.deviceMajor, 'device number');
  const devMinor = parseNumber(block, FIELDS.deviceMinor, 'device number');
  return { ...(devMajor === 0 ? {} : { devMajor }), ...(devMinor === 0 ? {} : { devMinor }) };
}

function time(
  key: 'accesstime' | 'changetime',
  records: readonly PaxRecord[],
  record: string,
): Readonly<Record<string, string>> {
  const value = records.findLast((candidate) => candidate.key === record)?.value;
  if (value === undefined || value.length === 0) return {};
  const { sec, nsec } = parsePaxTime(value);
  if (sec < FIRST_YEAR_SEC || sec > LAST_YEAR_SEC) throw new HeaderProblem('a time is out of range');
  return { [key]: formatTime(sec, nsec) };
}

function xattrsOf({ xattrs }: TarHeader): Pick<TocEntryJson, 'xattrs'> | undefined {
  if (xattrs.size === 0) return {};
  const fields: Record<string, string> = {};
  for (const [key, value] of xattrs) {
    const name = asText(key);
    if (name === undefined) return undefined;
    fields[name] = Buffer.from(value).toString('base64');
  }
  return { xattrs: fields };
}

/** RFC 3339, without needless zeros. */
function formatTime(sec: number, nsec: number): string {
  const seconds = new Date(sec * 1000).toISOString().slice(0, -5);
  const fraction = nsec === 0 ? '' : `.${String(nsec).padStart(9, '0').replace(/0+$/, '')}`;
  return `${seconds}${fraction}Z`;
}

/** Bytes as text; undefined when they are not UTF-8. */
function asText(bytes: string): string | undefined {
  const buffer = Buffer.from(bytes, 'latin1');
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? text : undefined;
}
