import type { ByteStream } from '@slipway/core';
import type { DiskSource } from '../device/source.ts';
import { FILE_TYPE, FILE_TYPE_BITS } from '../mode.ts';
import type { DiskDirectory, DiskMetadata, DiskNode } from '../tree.ts';
import { type BootImage, readCatalog } from './catalog-reader.ts';
import {
  BOOT_RECORD_SECTOR,
  CATALOG_POINTER,
  DESCRIPTOR_TYPE,
  EL_TORITO_ID,
  PRIMARY,
  PRIMARY_SECTOR,
  RECORD,
  RECORD_FLAG,
  ROOT_RECORD_BYTES,
  SECTOR_BYTES,
  STANDARD_ID,
  VOLUME_ID_BYTES,
} from './format.ts';
import { refuse } from './refuse.ts';
import { readSystemUse, type SystemUse } from './system-use.ts';
import { decodeTime, TIME_BYTES } from './time.ts';

/** A medium that was read. */
export interface IsoContents {
  readonly volumeId: string;
  readonly sizeBytes: number;
  readonly root: DiskDirectory;
  /** What firmware may start, the default first. */
  readonly boot: readonly BootImage[];
}

const CHUNK_BYTES = 1024 * 1024;
/** No medium anybody made has more. */
const MOST_NAMES = 4_000_000;

/** A part of a file, and what a record says of it. */
interface IsoRecord {
  readonly identifier: string;
  readonly isDirectory: boolean;
  readonly goesOn: boolean;
  readonly sector: number;
  readonly sizeBytes: number;
  readonly timeSec: number;
  readonly use: SystemUse;
}

interface Extent {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/**
 * Reads the whole tree of an ISO 9660 medium with the names, owners and modes of Rock Ridge where it has them; the bytes of files are read
 * when they are opened. For media from anywhere: everything is checked, and neither time nor memory grows past what the size allows.
 *
 * @throws SlipwayError DISK_INVALID for what is damaged
 */
export async function readIso(source: DiskSource): Promise<IsoContents> {
  const primary = await readDescriptor(source, PRIMARY_SECTOR, DESCRIPTOR_TYPE.primary);
  if (primary.readUInt16LE(PRIMARY.sectorBytes) !== SECTOR_BYTES) refuse('its sectors are not 2048 bytes');
  const sizeBytes = primary.readUInt32LE(PRIMARY.volumeSectors) * SECTOR_BYTES;
  if (sizeBytes > source.sizeBytes) refuse('it is larger than its disk');
  const rootRecord = primary.subarray(PRIMARY.rootRecord, PRIMARY.rootRecord + ROOT_RECORD_BYTES);
  return {
    volumeId: primary.toString('latin1', PRIMARY.volumeId, PRIMARY.volumeId + VOLUME_ID_BYTES).trimEnd(),
    sizeBytes,
    root: await new TreeReader(source).read(rootRecord),
    boot: await readBoot(source),
  };
}

async function readDescriptor(source: DiskSource, sector: number, type: number): Promise<Buffer> {
  const bytes = await source.read(sector * SECTOR_BYTES, SECTOR_BYTES);
  if (bytes.readUInt8(0) !== type || bytes.toString('latin1', 1, 6) !== STANDARD_ID) {
    refuse('it has no volume descriptor');
  }
  return bytes;
}

async function readBoot(source: DiskSource): Promise<readonly BootImage[]> {
  const bytes = await source.read(BOOT_RECORD_SECTOR * SECTOR_BYTES, SECTOR_BYTES);
  const isBootRecord =
    bytes.readUInt8(0) === DESCRIPTOR_TYPE.boot && bytes.toString('latin1', 1, 6) === STANDARD_ID;
  if (!isBootRecord || bytes.toString('latin1', 7, 7 + EL_TORITO_ID.length) !== EL_TORITO_ID) return [];
  const at = bytes.readUInt32LE(CATALOG_POINTER) * SECTOR_BYTES;
  return readCatalog(await source.read(at, SECTOR_BYTES), source.sizeBytes);
}

type OpenDirectory = DiskDirectory & { readonly entries: Map<string, DiskNode> };

class TreeReader {
  readonly #source: DiskSource;
  readonly #seen = new Set<number>();
  /** Files with several names, by their serial number and their place. */
  readonly #linked = new Map<string, DiskNode>();
  #names = 0;
  #directoryBytes = 0;

  constructor(source: DiskSource) {
    this.#source = source;
  }

  /** Not recursive: a medium may be deeper than the stack of the engine. */
  async read(rootRecord: Buffer): Promise<DiskDirectory> {
    const place = {
      sector: rootRecord.readUInt32LE(RECORD.extent),
      sizeBytes: rootRecord.readUInt32LE(RECORD.dataBytes),
    };
    const skip = await this.#skip(place.sector);
    const own = await this.#ownRecord(rootRecord, place.sector, skip);
    const root = openDirectory(own);
    const pending = [{ node: root, ...place }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for await (const record of this.#records(next.sector, next.sizeBytes, skip)) {
        const [first] = record;
        if (first === undefined) continue;
        const name = nameOf(first);
        if (/[/\0]/.test(name) || name === '' || name === '.' || name === '..')
          refuse(`a name ${JSON.stringify(name)}`);
        if (next.node.entries.has(name)) refuse(`two entries ${JSON.stringify(name)}`);
        if (first.isDirectory) {
          const node = openDirectory(first);
          next.node.entries.set(name, node);
          pending.push({ node, sector: first.sector, sizeBytes: first.sizeBytes });
        } else {
          next.node.entries.set(name, this.#node(record, first));
        }
      }
    }
    return root;
  }

  /** Bytes before the fields of a record, which the root says. */
  async #skip(sector: number): Promise<number> {
    const bytes = await this.#source.read(sector * SECTOR_BYTES, SECTOR_BYTES);
    const at = ROOT_RECORD_BYTES;
    return bytes.toString('latin1', at, at + 2) === 'SP' ? bytes.readUInt8(at + 6) : 0;
  }

  /** The root says what it is in the first record of its own. */
  async #ownRecord(fallback: Buffer, sector: number, skip: number): Promise<IsoRecord> {
    const bytes = await this.#source.read(sector * SECTOR_BYTES, SECTOR_BYTES);
    const length = bytes.readUInt8(0);
    return await this.#decode(length < ROOT_RECORD_BYTES ? fallback : bytes.subarray(0, length), skip);
  }

  /** The entries of a directory: the records of each file together. */
  async *#records(sector: number, sizeBytes: number, skip: number): AsyncGenerator<readonly IsoRecord[]> {
    if (this.#seen.has(sector)) refuse(`the directory at sector ${sector} has two names`);
    this.#seen.add(sector);
    this.#directoryBytes += sizeBytes;
    if (this.#directoryBytes > this.#source.sizeBytes) refuse('its directories are larger than the medium');
    let parts: IsoRecord[] = [];
    for (let at = 0; at < sizeBytes; at += SECTOR_BYTES) {
      const bytes = await this.#source.read(sector * SECTOR_BYTES + at, SECTOR_BYTES);
      for (const raw of rawRecords(bytes)) {
        this.#names += 1;
        if (this.#names > MOST_NAMES) refuse('it has too many files');
        const record = await this.#decode(raw, skip);
        if (record.identifier === '\0' || record.identifier === '\x01') continue;
        parts.push(record);
        if (record.goesOn) continue;
        yield parts;
        parts = [];
      }
    }
    if (parts.length > 0) refuse('a file goes on where its directory ends');
  }

  async #decode(raw: Buffer, skip: number): Promise<IsoRecord> {
    const nameBytes = raw.readUInt8(RECORD.nameBytes);
    const fieldsAt = RECORD.name + nameBytes + ((nameBytes + 1) % 2) + skip;
    if (RECORD.name + nameBytes > raw.length) refuse('a name goes past its record');
    const flags = raw.readUInt8(RECORD.flags);
    return {
      identifier: raw.toString('latin1', RECORD.name, RECORD.name + nameBytes),
      isDirectory: (flags & RECORD_FLAG.directory) !== 0,
      goesOn: (flags & RECORD_FLAG.more) !== 0,
      sector: raw.readUInt32LE(RECORD.extent),
      sizeBytes: raw.readUInt32LE(RECORD.dataBytes),
      timeSec: decodeTime(raw.subarray(RECORD.time, RECORD.time + TIME_BYTES)),
      use: await readSystemUse(this.#source, raw.subarray(Math.min(fieldsAt, raw.length))),
    };
  }

  #node(records: readonly IsoRecord[], first: IsoRecord): DiskNode {
    const { serial, links = 1 } = first.use;
    const key = `${serial}:${first.sector}:${first.sizeBytes}`;
    const known = serial === undefined || links < 2 ? undefined : this.#linked.get(key);
    if (known !== undefined) return known;
    const node = makeNode(this.#source, records, first);
    if (links > 1) this.#linked.set(key, node);
    return node;
  }
}

function* rawRecords(sector: Buffer): Generator<Buffer> {
  for (let at = 0; at < sector.length; ) {
    const length = sector.readUInt8(at);
    // The rest of the sector is unused.
    if (length === 0) return;
    if (length < ROOT_RECORD_BYTES || at + length > sector.length)
      refuse('a directory record has a wrong length');
    yield sector.subarray(at, at + length);
    at += length;
  }
}

function nameOf({ use, identifier, isDirectory }: IsoRecord): string {
  return use.name ?? (isDirectory ? identifier : identifier.replace(/\.?;[0-9]+$/, ''));
}

function makeNode(source: DiskSource, records: readonly IsoRecord[], first: IsoRecord): DiskNode {
  const meta = metaOf(first, 0o444);
  const { target, device, mode = FILE_TYPE.file } = first.use;
  switch (mode & FILE_TYPE_BITS) {
    case FILE_TYPE.symlink:
      return target === undefined
        ? refuse('a symbolic link leads nowhere')
        : { kind: 'symlink', meta, target };
    case FILE_TYPE['character-device']:
      return { kind: 'character-device', meta, ...(device ?? { major: 0, minor: 0 }) };
    case FILE_TYPE['block-device']:
      return { kind: 'block-device', meta, ...(device ?? { major: 0, minor: 0 }) };
    case FILE_TYPE.fifo:
      return { kind: 'fifo', meta };
    case FILE_TYPE.socket:
      return { kind: 'socket', meta };
  }
  const extents = records.map(
    ({ sector, sizeBytes }): Extent => ({ offsetBytes: sector * SECTOR_BYTES, sizeBytes }),
  );
  if (
    extents.some(({ offsetBytes, sizeBytes }) => sizeBytes > 0 && offsetBytes + sizeBytes > source.sizeBytes)
  ) {
    refuse(`${nameOf(first)} goes past the end of the medium`);
  }
  return {
    kind: 'file',
    meta,
    sizeBytes: extents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    open: () => streamExtents(source, extents),
  };
}

async function* streamExtents(source: DiskSource, extents: readonly Extent[]): ByteStream {
  for (const { offsetBytes, sizeBytes } of extents) {
    for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
      yield await source.read(offsetBytes + at, Math.min(CHUNK_BYTES, sizeBytes - at));
    }
  }
}

function openDirectory(record: IsoRecord): OpenDirectory {
  return { kind: 'directory', meta: metaOf(record, 0o555), entries: new Map() };
}

function metaOf({ use, timeSec }: IsoRecord, mode: number): DiskMetadata {
  return {
    mode: (use.mode ?? mode) & 0o7777,
    uid: use.uid ?? 0,
    gid: use.gid ?? 0,
    mtimeSec: use.mtimeSec ?? timeSec,
    mtimeNsec: 0,
  };
}
