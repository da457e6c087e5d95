import { latin1Slice } from '../erofs/byte-string.ts';
import { LIMITS, MODE_TYPE } from '../erofs/format.ts';
import type { Metadata } from '../tree.ts';
import { algorithmOfDigest } from '../verity/algorithm.ts';
import { unescapeField } from './escape.ts';
import { type Fields, invalid } from './fields.ts';
import { usualDigest } from './object-fields.ts';

/** One line of a dump after its path, its fields decoded; targets are bytes as latin1 strings. */
export interface DumpLine {
  readonly sizeBytes: number;
  /** `S_IFMT` bits. */
  readonly type: number;
  readonly hardLink: boolean;
  readonly meta: Metadata;
  readonly nlink: number;
  /** 32-bit kernel device number. */
  readonly device: number;
  /** Symlink or hard link target, object path; undefined when absent, or when it is the one the digest implies. */
  readonly payload: string | undefined;
  /** Whether the payload is the path the digest implies. */
  readonly usualPath: boolean;
  readonly content: Buffer | undefined;
  readonly digest: Buffer | undefined;
}

/** Text of all attributes of a line, as the reference parser bounds it. */
const ATTRIBUTES_TEXT_MAX = 65535;
const NO_ATTRIBUTES: ReadonlyMap<string, Uint8Array> = new Map();
const NO_METADATA: Metadata = { mode: 0, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: NO_ATTRIBUTES };
const POINT = 0x2e;
const DASH = 0x2d;
const AT = 0x40;

/**
 * Reads one line of composefs-dump(5), without its newline, from behind its path (composefs-format section 11).
 *
 * @throws SlipwayError DUMP_INVALID saying which field and why; the caller adds the line number
 */
export function parseLine(fields: Fields, before: Metadata = NO_METADATA): DumpLine {
  if (fields.secondBegins(AT)) return hardLinkLine(fields);
  const sizeBytes = fields.integer('size', Number.MAX_SAFE_INTEGER + 1);
  const bits = fields.integer('mode', 0o7777777, 8);
  const nlink = fields.integer('link count', 0xffffffff);
  const uid = fields.integer('uid', 0xffffffff);
  const gid = fields.integer('gid', 0xffffffff);
  const device = fields.integer('device number', 0xffffffff);
  const mtimeSec = fields.skip(DASH) ? 0 - seconds(fields) : seconds(fields);
  const mtimeNsec = fields.integer('nanoseconds', 999_999_999);
  fields.next();
  const { from, to } = fields;
  const hasPayload = !fields.isAbsent;
  fields.next();
  const content = fields.isAbsent ? undefined : contentOf(fields.text);
  fields.next();
  const usual = content === undefined ? usualDigest(fields, from, to) : undefined;
  const digest = usual ?? (fields.isAbsent ? undefined : digestOf(fields.text));
  const payload = usual === undefined && hasPayload ? latin1Slice(fields.bytes, from, to) : undefined;
  const xattrs = fields.hasMore ? attributesOf(fields) : NO_ATTRIBUTES;
  return {
    sizeBytes,
    type: bits & MODE_TYPE.mask,
    hardLink: false,
    meta: oneOf(before, bits & 0o7777, uid, gid, mtimeSec, mtimeNsec, xattrs),
    nlink,
    device,
    payload: payload === undefined ? undefined : unescapeField(payload),
    usualPath: usual !== undefined,
    content,
    digest,
  };
}

/** Every field but the target is ignored: writers repeat there what the target's line says. */
function hardLinkLine(fields: Fields): DumpLine {
  for (let ignored = 0; ignored < 8; ignored += 1) fields.next();
  if (fields.isAbsent) throw invalid('the hard link has no target');
  const payload = fields.text;
  fields.next();
  fields.next();
  return {
    sizeBytes: 0,
    type: 0,
    hardLink: true,
    meta: NO_METADATA,
    nlink: 0,
    device: 0,
    payload: unescapeField(payload),
    usualPath: false,
    content: undefined,
    digest: undefined,
  };
}

/** Half the lines say what the line before said. */
function oneOf(
  before: Metadata,
  mode: number,
  uid: number,
  gid: number,
  mtimeSec: number,
  mtimeNsec: number,
  xattrs: Metadata['xattrs'],
): Metadata {
  const same =
    mtimeSec === before.mtimeSec &&
    mtimeNsec === before.mtimeNsec &&
    mode === before.mode &&
    uid === before.uid &&
    gid === before.gid &&
    xattrs === before.xattrs;
  return same ? before : { mode, uid, gid, mtimeSec, mtimeNsec, xattrs };
}

/** Up to the point; what is after it are nanoseconds, not a fraction. */
function seconds(fields: Fields): number {
  return fields.integer('time', Number.MAX_SAFE_INTEGER, 10, POINT);
}

function contentOf(text: string): Buffer {
  const bytes = Buffer.from(unescapeField(text), 'latin1');
  if (bytes.length > LIMITS.inlineContentBytes) throw invalid(`the content has ${bytes.length} bytes`);
  return bytes;
}

function digestOf(text: string): Buffer {
  // What is not hexadecimal ends the conversion, so the length tells.
  const digest = Buffer.from(text, 'hex');
  if (digest.length * 2 !== text.length || algorithmOfDigest(digest) === undefined) {
    throw invalid(`the digest ${JSON.stringify(text)} is not one of SHA-256 or SHA-512`);
  }
  return digest;
}

function attributesOf(fields: Fields): ReadonlyMap<string, Uint8Array> {
  const attributes = new Map<string, Uint8Array>();
  let textBytes = 0;
  while (fields.hasMore) {
    fields.next();
    const field = fields.text;
    // The reference writer ends a line with the separator of an attribute that does not come.
    if (field === '' && !fields.hasMore) break;
    textBytes += field.length + 1;
    const equals = field.indexOf('=');
    if (equals < 0) throw invalid(`the attribute ${JSON.stringify(field)} has no value`);
    const key = unescapeField(field.slice(0, equals));
    if (key === '' || key.length > LIMITS.xattrNameBytes || key.includes('\0')) {
      throw invalid(`the attribute name ${JSON.stringify(key)} is not valid`);
    }
    attributes.set(key, Buffer.from(unescapeField(field.slice(equals + 1)), 'latin1'));
  }
  if (textBytes > ATTRIBUTES_TEXT_MAX) throw invalid('its attributes are too long');
  return attributes;
}
