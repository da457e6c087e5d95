import type { TarHeader } from './entry.ts';
import { type HeaderBlock, HeaderProblem } from './format.ts';
import { PAX, type PaxRecord, parsePaxName, parsePaxNumber, parsePaxRecords, parsePaxTime } from './pax.ts';
import { type PaxSparse, readPaxSparse } from './sparse.ts';

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();
const MAX_ID = 0xffff_ffff;
/** Limits of the kernel (xattr(7)). */
const MAX_XATTR_NAME_BYTES = 255;
const MAX_XATTR_VALUE_BYTES = 65_536;

/** A member's header with everything applied, how many bytes it stores, and the sparse map if it has one. */
export interface AppliedHeader {
  readonly header: Omit<TarHeader, 'sizeBytes'>;
  readonly storedBytes: number;
  readonly sparse: PaxSparse | undefined;
}

/**
 * Headers that precede the member they are about.
 *
 * Order of precedence, as everywhere: the ustar header, under global PAX records, under the member's
 * own PAX records, under GNU long names. An empty value gives back what the header itself says.
 */
export class ExtendedHeaders {
  readonly #maxPathBytes: number;
  #global: readonly PaxRecord[] = [];
  #records: readonly PaxRecord[] | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(maxPathBytes: number) {
    this.#maxPathBytes = maxPathBytes;
  }

  /** Whether a header waits for its member. */
  get pending(): boolean {
    return this.#records !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
  }

  /** The name the waiting headers give the next member, if they do. */
  get path(): string | undefined {
    return (
      this.#longName ?? this.#records?.findLast((record) => record.key === PAX.path)?.value.toString('latin1')
    );
  }

  addPax(body: Buffer): void {
    if (this.#records !== undefined) throw new HeaderProblem('it has two extended headers');
    this.#records = parsePaxRecords(body);
  }

  /** Global records hold until the next global header changes them; what can only be about one file is refused. */
  addGlobal(body: Buffer): void {
    const records = parsePaxRecords(body).filter((record) => isKept(record.key));
    const single = records.find(({ key }) => ONE_FILE_KEYS.has(key) || key.startsWith(PAX.sparsePrefix));
    if (single !== undefined) {
      throw new HeaderProblem(`a global extended header sets ${JSON.stringify(single.key.slice(0, 40))}`);
    }
    const replaced = new Set(records.map((record) => record.key));
    this.#global = [...this.#global.filter((record) => !replaced.has(record.key)), ...records].filter(
      (record) => record.value.length > 0 || record.key.startsWith(PAX.xattrPrefix),
    );
    if (this.#global.length > 1000) throw new HeaderProblem('global extended headers set too much');
  }

  addLongName(body: Buffer): void {
    this.#longName = upToNul(body);
  }

  addLongLink(body: Buffer): void {
    this.#longLink = upToNul(body);
  }

  /** Applies what was collected to the member's own header block, and forgets it. */
  apply(block: HeaderBlock, kind: TarHeader['kind']): AppliedHeader {
    const own = this.#records ?? [];
    const longName = this.#longName;
    const longLink = this.#longLink;
    this.#records = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    const values = lastOfEach(this.#global, own);
    const sparse = kind === 'file' && own.length > 0 ? readPaxSparse(own) : undefined;
    const path = longName ?? sparse?.path ?? nameOr(values, PAX.path, block.name);
    const linkTarget = longLink ?? nameOr(values, PAX.linkPath, block.linkName);
    this.#checkLength('name', path);
    this.#checkLength('link target', linkTarget);
    const mtime = values?.get(PAX.mtime);
    const { sec, nsec } = mtime === undefined ? { sec: block.mtimeSec, nsec: 0 } : parsePaxTime(mtime);
    return {
      header: {
        kind,
        path,
        linkTarget: kind === 'symlink' || kind === 'hardlink' ? linkTarget : '',
        mode: block.mode,
        uid: numberOr(values, PAX.uid, MAX_ID, block.uid),
        gid: numberOr(values, PAX.gid, MAX_ID, block.gid),
        mtimeSec: sec,
        mtimeNsec: nsec,
        deviceMajor: block.deviceMajor,
        deviceMinor: block.deviceMinor,
        xattrs: values === undefined ? NO_XATTRS : xattrsOf(values),
      },
      storedBytes: numberOr(values, PAX.size, Number.MAX_SAFE_INTEGER, block.sizeBytes),
      sparse,
    };
  }

  #checkLength(what: string, name: string): void {
    if (name.length > this.#maxPathBytes)
      throw new HeaderProblem(`its ${what} is longer than ${this.#maxPathBytes} bytes`);
  }
}

const ONE_FILE_KEYS: ReadonlySet<string> = new Set([PAX.path, PAX.linkPath, PAX.size]);
const KEPT_KEYS: ReadonlySet<string> = new Set([...ONE_FILE_KEYS, PAX.uid, PAX.gid, PAX.mtime]);

function isKept(key: string): boolean {
  return KEPT_KEYS.has(key) || key.startsWith(PAX.xattrPrefix) || key.startsWith(PAX.sparsePrefix);
}

/** An empty value takes the record back, except for attributes, which may be empty. */
function lastOfEach(
  global: readonly PaxRecord[],
  own: readonly PaxRecord[],
): ReadonlyMap<string, Buffer> | undefined {
  if (global.length === 0 && own.length === 0) return undefined;
  const values = new Map<string, Buffer>();
  for (const { key, value } of [...global, ...own]) {
    if (value.length === 0 && !key.startsWith(PAX.xattrPrefix)) values.delete(key);
    else values.set(key, value);
  }
  return values;
}

function nameOr(values: ReadonlyMap<string, Buffer> | undefined, key: string, otherwise: string): string {
  const value = values?.get(key);
  return value === undefined ? otherwise : parsePaxName(value, key === PAX.path ? 'name' : 'link target');
}

function numberOr(
  values: ReadonlyMap<string, Buffer> | undefined,
  key: string,
  maximum: number,
  otherwise: number,
): number {
  const value = values?.get(key);
  return value === undefined ? otherwise : parsePaxNumber(value, key, maximum);
}

/** Values are copied: a view would keep a whole chunk of the archive alive. */
function xattrsOf(values: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Uint8Array> {
  let xattrs: Map<string, Uint8Array> | undefined;
  for (const [key, value] of values) {
    if (!key.startsWith(PAX.xattrPrefix)) continue;
    const name = key.slice(PAX.xattrPrefix.length);
    if (name === '' || name.length > MAX_XATTR_NAME_BYTES || name.includes('\0')) {
      throw new HeaderProblem(
        `the name of its extended attribute ${JSON.stringify(name.slice(0, 40))} is not valid`,
      );
    }
    if (value.length > MAX_XATTR_VALUE_BYTES) {
      throw new HeaderProblem(
        `its extended attribute ${JSON.stringify(name)} is larger than ${MAX_XATTR_VALUE_BYTES} bytes`,
      );
    }
    xattrs ??= new Map();
    xattrs.set(name, new Uint8Array(value));
  }
  return xattrs ?? NO_XATTRS;
}

function upToNul(body: Buffer): string {
  const nul = body.indexOf(0);
  return body.toString('latin1', 0, nul === -1 ? body.length : nul);
}
