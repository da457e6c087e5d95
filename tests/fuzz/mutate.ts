import type { Random } from '../../packages/composefs/src/testing/random-dump.ts';

/** Values that sit on the edges of fields. */
const EDGES: readonly [number, ...number[]] = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
];
const TEXT_PIECES: readonly [string, ...string[]] = [
  '',
  '-',
  '@',
  '/',
  '..',
  '\\x00',
  '\\x',
  '\0',
  '\n',
  ' ',
  '=',
  '99999999999999999999',
  '1e3',
  '/a',
  '(',
  ')*',
  '[',
  '{9,}',
  '|',
  '.*',
];

/** One to six changes of some bytes, most of them near the beginning, where formats keep what everything else rests on. */
export function mutateBytes(original: Uint8Array, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let changes = 1 + random.below(6); changes > 0 && bytes.length > 16; changes -= 1) {
    bytes = changed(bytes, placeIn(bytes, random), random);
  }
  return bytes;
}

/** One to four changes of the words of a text, lines lost and repeated. */
export function mutateText(original: Uint8Array, random: Random): Buffer {
  const lines = Buffer.from(original).toString('latin1').split('\n');
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
    const index = random.below(lines.length);
    const words = (lines[index] ?? '').split(' ');
    const place = random.below(words.length);
    const old = words[place] ?? '';
    const at = random.below(old.length + 1);
    const piece = random.chance(15) ? old : random.pick(TEXT_PIECES);
    words[place] = old.slice(0, at) + piece + old.slice(at + random.below(3));
    lines[index] = words.join(' ');
    if (random.chance(10)) lines.splice(index, 1);
    if (random.chance(10) && lines.length > 0) {
      lines.splice(random.below(lines.length), 0, lines[random.below(lines.length)] ?? '');
    }
  }
  return Buffer.from(lines.join('\n'), 'latin1');
}

/** Large inputs are mostly empty: what is changed is where something is. */
function placeIn(bytes: Buffer, random: Random): number {
  const last = bytes.length - 8;
  const near = random.chance(60) ? Math.min(last, 8192) : last;
  let at = random.below(near);
  for (let tries = 0; tries < 64 && bytes[at] === 0; tries += 1) at = random.below(near);
  return random.chance(50) ? at & ~3 : at;
}

function changed(bytes: Buffer, at: number, random: Random): Buffer {
  switch (random.below(12)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length));
    case 1:
      bytes.copy(
        bytes,
        at,
        random.below(bytes.length - 8),
        Math.min(bytes.length, at + 1 + random.below(512)),
      );
      return bytes;
    case 2:
    case 3:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 4:
      bytes[at] = random.below(256);
      return bytes;
    case 5:
      bytes.writeUInt16LE(random.pick(EDGES) & 0xffff, at);
      return bytes;
    case 6:
      bytes.writeUInt32BE(random.pick(EDGES), at);
      return bytes;
    case 7:
      bytes.writeUInt32LE(random.pick(EDGES), at);
      return bytes;
    case 8:
      bytes.writeUInt32LE(random.below(bytes.length), at);
      return bytes;
    case 9:
      bytes.writeBigUInt64LE(BigInt(random.pick(EDGES)) << BigInt(random.below(33)), at);
      return bytes;
    default:
      bytes.writeUInt32LE((bytes.readUInt32LE(at) + random.below(9) - 4) >>> 0, at);
      return bytes;
  }
}
