/** The fields of Rock Ridge, one Buffer each. */
import { FILE_TYPE, withPermissions } from '../mode.ts';
import {
  FIELD_BYTES,
  FIELD_HEADER_BYTES,
  FIELD_VERSION,
  GOES_ON,
  ROCK_RIDGE_ID,
  SL_CURRENT,
  SL_PARENT,
  SL_ROOT,
  SP_CHECK,
  TF_MODIFY,
} from './format.ts';
import { writeBoth32 } from './number.ts';
import { encodeTime } from './time.ts';
import type { IsoNode } from './tree.ts';

/** Of a name, or of a symlink, in one field; small enough that something of it fits beside what else a record has. */
const PIECE_BYTES = 120;

/** What a field says of a node besides the node itself. */
export interface InodeFacts {
  /** The same for hard links and for nothing else. */
  readonly serial: number;
  readonly links: number;
}

/** The fields every name of a node has. */
export function nodeFields(node: IsoNode, { serial, links }: InodeFacts): readonly Buffer[] {
  const { mode, uid, gid, mtimeSec } = node.meta;
  const px = field('PX', FIELD_BYTES.PX);
  const type = FILE_TYPE[node.kind === 'written-file' ? 'file' : node.kind];
  writeBoth32(px, withPermissions(type, mode), 4);
  writeBoth32(px, links, 12);
  writeBoth32(px, uid, 20);
  writeBoth32(px, gid, 28);
  writeBoth32(px, serial, 36);
  const tf = field('TF', FIELD_BYTES.TF);
  tf.writeUInt8(TF_MODIFY, 4);
  tf.set(encodeTime(mtimeSec), 5);
  if (node.kind === 'symlink') return [px, tf, ...linkFields(node.target)];
  if (node.kind !== 'character-device' && node.kind !== 'block-device') return [px, tf];
  const pn = field('PN', FIELD_BYTES.PN);
  writeBoth32(pn, node.major, 4);
  writeBoth32(pn, node.minor, 12);
  return [px, tf, pn];
}

/** The name itself, its bytes as they are. */
export function nameFields(name: string): readonly Buffer[] {
  const pieces = piecesOf(Buffer.from(name, 'latin1'));
  return pieces.map((piece, index) => {
    const nm = field('NM', FIELD_HEADER_BYTES + 1 + piece.length);
    nm.writeUInt8(index < pieces.length - 1 ? GOES_ON : 0, 4);
    nm.set(piece, 5);
    return nm;
  });
}

/** What the root says of all: that such fields stand here, and which. */
export function rootFields(): { readonly first: Buffer; readonly last: Buffer } {
  const sp = field('SP', FIELD_BYTES.SP);
  sp.writeUInt16BE(SP_CHECK, 4);
  const [source, description] = ['IEEE 1282', 'ROCK RIDGE'];
  const er = field('ER', 8 + ROCK_RIDGE_ID.length + description.length + source.length);
  er.set([ROCK_RIDGE_ID.length, description.length, source.length, 1], 4);
  er.write(ROCK_RIDGE_ID + description + source, 8, 'latin1');
  return { first: sp, last: er };
}

/** Where the fields of a record go on. */
export function continuation(sector: number, offsetBytes: number, lengthBytes: number): Buffer {
  const ce = field('CE', FIELD_BYTES.CE);
  writeBoth32(ce, sector, 4);
  writeBoth32(ce, offsetBytes, 12);
  writeBoth32(ce, lengthBytes, 20);
  return ce;
}

/** A target in components; one that is empty stands for a slash more. */
function linkFields(target: string): readonly Buffer[] {
  const packer = new ComponentPacker();
  for (const [index, part] of target.split('/').entries()) {
    const special = specialComponent(part, index);
    if (special === undefined) packer.putText(Buffer.from(part, 'latin1'));
    else packer.put(special);
  }
  const { groups } = packer;
  return groups.map((group, index) => {
    const bytes = Buffer.concat(group);
    const sl = field('SL', FIELD_HEADER_BYTES + 1 + bytes.length);
    sl.writeUInt8(index < groups.length - 1 ? GOES_ON : 0, 4);
    sl.set(bytes, 5);
    return sl;
  });
}

/** Deals components out to fields. */
class ComponentPacker {
  readonly groups: Buffer[][] = [[]];
  #roomBytes = PIECE_BYTES;

  put(component: Buffer): void {
    if (this.#roomBytes < component.length) {
      this.groups.push([]);
      this.#roomBytes = PIECE_BYTES;
    }
    this.groups.at(-1)?.push(component);
    this.#roomBytes -= component.length;
  }

  /** Cuts where a field is full, within the component: some readers lose the slash where a field ends with a whole one. */
  putText(text: Buffer): void {
    let rest = text;
    for (let room = this.#roomBytes - 2; room > 0 && rest.length > room; room = PIECE_BYTES - 2) {
      this.put(Buffer.concat([Buffer.from([GOES_ON, room]), rest.subarray(0, room)]));
      rest = rest.subarray(room);
    }
    this.put(Buffer.concat([Buffer.from([0, rest.length]), rest]));
  }
}

function specialComponent(part: string, index: number): Buffer | undefined {
  if (part === '' && index === 0) return Buffer.from([SL_ROOT, 0]);
  if (part === '.') return Buffer.from([SL_CURRENT, 0]);
  return part === '..' ? Buffer.from([SL_PARENT, 0]) : undefined;
}

function piecesOf(bytes: Buffer): readonly Buffer[] {
  const count = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES),
  );
}

function field(name: string, lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  bytes.write(name, 0, 'latin1');
  bytes.writeUInt8(lengthBytes, 2);
  bytes.writeUInt8(FIELD_VERSION, 3);
  return bytes;
}
