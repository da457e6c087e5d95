import { SlipwayError } from '@slipway/core';
import type { TarHeader } from './entry.ts';
import { BLOCK_BYTES, checksumOf, FIELDS, TYPE, USTAR_MAGIC } from './format.ts';
import { encodePaxRecord, formatPaxTime, PAX } from './pax.ts';
import { quoteName } from './tar-error.ts';

const TYPE_FLAGS: Readonly<Record<TarHeader['kind'], string>> = {
  file: TYPE.file,
  hardlink: TYPE.hardlink,
  symlink: TYPE.symlink,
  'character-device': TYPE.characterDevice,
  'block-device': TYPE.blockDevice,
  directory: TYPE.directory,
  fifo: TYPE.fifo,
};

/** What the octal fields hold; more goes to a PAX record. */
const MAX_ID = 0o7777777;
const MAX_SIZE = 0o77777777777;
const MAX_MTIME = 0o77777777777;

interface BlockFields {
  readonly name: string;
  readonly prefix: string;
  readonly typeFlag: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/**
 * The header of one member: a ustar block, after a PAX header only when ustar cannot say it all.
 * The same member always gives the same bytes.
 *
 * @throws SlipwayError OCI_TAR_INVALID when no tar can hold the member
 */
export function encodeHeader(header: TarHeader): Buffer {
  checkWritable(header);
  const split = splitPath(header.path);
  const records = paxRecords(header, split === undefined);
  const name = split ?? { prefix: '', name: header.path.slice(0, FIELDS.name.length) };
  const sizeBytes = header.kind === 'file' ? header.sizeBytes : 0;
  const block = encodeBlock({
    ...name,
    typeFlag: TYPE_FLAGS[header.kind],
    linkName: header.linkTarget.slice(0, FIELDS.linkName.length),
    mode: header.mode,
    uid: header.uid > MAX_ID ? 0 : header.uid,
    gid: header.gid > MAX_ID ? 0 : header.gid,
    sizeBytes: sizeBytes > MAX_SIZE ? 0 : sizeBytes,
    mtimeSec: header.mtimeSec < 0 || header.mtimeSec > MAX_MTIME ? 0 : header.mtimeSec,
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
  });
  return records.length === 0 ? block : Buffer.concat([encodePaxHeader(header.path, records), block]);
}

function checkWritable(header: TarHeader): void {
  const wrong =
    header.path === '' || header.path.includes('\0') || header.linkTarget.includes('\0')
      ? 'its name or link target is empty or holds a NUL byte'
      : header.deviceMajor > MAX_ID || header.deviceMinor > MAX_ID
        ? 'its device number is too large'
        : header.mtimeNsec < 0 || header.mtimeNsec >= 1_000_000_000
          ? 'its modification time has no valid nanoseconds'
          : undefined;
  if (wrong !== undefined) {
    throw new SlipwayError('OCI_TAR_INVALID', `cannot write the entry ${quoteName(header.path)}: ${wrong}`);
  }
}

/** A name in the 100-byte field, or cut at a slash between it and the 155-byte prefix; undefined when it fits neither way. */
function splitPath(path: string): { readonly prefix: string; readonly name: string } | undefined {
  if (path.length <= FIELDS.name.length) return { prefix: '', name: path };
  // The first slash that leaves the name short enough; a slash at the very end belongs to the name.
  const slash = path.indexOf('/', Math.max(1, path.length - FIELDS.name.length - 1));
  if (slash === -1 || slash > FIELDS.prefix.length || slash === path.length - 1) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** What the block cannot hold, sorted by key. */
function paxRecords(header: TarHeader, pathNeeded: boolean): readonly Buffer[] {
  const records: [string, Uint8Array][] = [];
  const text = (key: string, value: string): void => void records.push([key, Buffer.from(value, 'latin1')]);
  if (pathNeeded) text(PAX.path, header.path);
  if (header.linkTarget.length > FIELDS.linkName.length) text(PAX.linkPath, header.linkTarget);
  if (records.some(([, value]) => !isUtf8(value))) text(PAX.charset, 'BINARY');
  if (header.kind === 'file' && header.sizeBytes > MAX_SIZE) text(PAX.size, String(header.sizeBytes));
  if (header.uid > MAX_ID) text(PAX.uid, String(header.uid));
  if (header.gid > MAX_ID) text(PAX.gid, String(header.gid));
  if (header.mtimeNsec !== 0 || header.mtimeSec < 0 || header.mtimeSec > MAX_MTIME) {
    text(PAX.mtime, formatPaxTime(header.mtimeSec, header.mtimeNsec));
  }
  for (const [name, value] of header.xattrs) records.push([`${PAX.xattrPrefix}${name}`, value]);
  return records
    .toSorted(([a], [b]) => (a === b ? 0 : a === PAX.charset || (b !== PAX.charset && a < b) ? -1 : 1))
    .map(([key, value]) => encodePaxRecord(key, value));
}

function isUtf8(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes);
  return Buffer.from(buffer.toString('utf8'), 'utf8').equals(buffer);
}

function encodePaxHeader(path: string, records: readonly Buffer[]): Buffer {
  const body = Buffer.concat(records);
  const base = path.replace(/\/+$/, '').replace(/^.*\//s, '');
  const block = encodeBlock({
    name: `PaxHeaders/${base}`.slice(0, FIELDS.name.length),
    prefix: '',
    typeFlag: TYPE.paxEntry,
    linkName: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: body.length,
    mtimeSec: 0,
    deviceMajor: 0,
    deviceMinor: 0,
  });
  return Buffer.concat([block, body, Buffer.alloc(paddingOf(body.length))]);
}

/** Zero bytes that fill the last block. */
export function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

function encodeBlock(fields: BlockFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (field: { readonly start: number; readonly length: number }, value: number): void => {
    block.write(value.toString(8).padStart(field.length - 1, '0'), field.start, 'latin1');
  };
  block.write(fields.name, FIELDS.name.start, 'latin1');
  octal(FIELDS.mode, fields.mode & 0o7777);
  octal(FIELDS.uid, fields.uid);
  octal(FIELDS.gid, fields.gid);
  octal(FIELDS.size, fields.sizeBytes);
  octal(FIELDS.mtime, fields.mtimeSec);
  block.write(fields.typeFlag, FIELDS.typeFlag.start, 'latin1');
  block.write(fields.linkName, FIELDS.linkName.start, 'latin1');
  block.write(USTAR_MAGIC, FIELDS.magic.start, 'latin1');
  octal(FIELDS.deviceMajor, fields.deviceMajor);
  octal(FIELDS.deviceMinor, fields.deviceMinor);
  block.write(fields.prefix, FIELDS.prefix.start, 'latin1');
  block.write(`${checksumOf(block).toString(8).padStart(6, '0')}\0 `, FIELDS.checksum.start, 'latin1');
  return block;
}
