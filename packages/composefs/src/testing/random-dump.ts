/**
 * Random composefs dumps that use everything a dump can hold. Plain text, made without the code under test; the same
 * seed gives the same dump.
 */

/** Numbers that look random, from a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  /** Bytes as an escaped field, never empty for a positive length. */
  field(length: number, alphabet: 'letters' | 'bytes'): string {
    let text = '';
    for (let index = 0; index < length; index += 1) {
      const code = alphabet === 'letters' ? 97 + this.below(26) : this.below(256);
      text += isPlain(code) ? String.fromCharCode(code) : `\\x${code.toString(16).padStart(2, '0')}`;
    }
    return text;
  }

  hex(length: number): string {
    let text = '';
    while (text.length < length) text += this.below(16).toString(16);
    return text;
  }
}

function isPlain(code: number): boolean {
  return code > 0x20 && code < 0x7f && code !== 0x5c && code !== 0x2d && code !== 0x3d;
}

/** A dump of up to a few hundred lines, root first, parents before children. */
export function randomDump(seed: number): string {
  const random = new Random(seed);
  const lines: string[] = [];
  const leaves: string[] = [];
  const world: World = {
    random,
    lines,
    leaves,
    pool: attributePool(random),
    times: Array.from({ length: 3 }, () => time(random)),
    budget: random.pick([3, 20, 60, 300]),
  };
  lines.push(`/ 0 ${directoryMode(random)} 2 ${owner(world)} 0 ${mtime(world)} - - -${attributes(world)}`);
  fillDirectory(world, '', 0);
  return `${lines.join('\n')}\n`;
}

interface World {
  readonly random: Random;
  readonly lines: string[];
  readonly leaves: string[];
  readonly pool: readonly [string, ...string[]];
  readonly times: readonly string[];
  budget: number;
}

function fillDirectory(world: World, path: string, depth: number): void {
  const { random } = world;
  const count = random.pick([0, 1, 3, 8, 30, random.chance(10) ? 400 : 5]);
  const long = random.chance(15);
  const used = new Set<string>();
  for (let index = 0; index < count && world.budget > 0; index += 1) {
    const name = entryName(random, index, long);
    if (used.has(name)) continue;
    used.add(name);
    world.budget -= 1;
    if (depth < 5 && random.chance(15)) {
      const child = `${path}/${name}`;
      world.lines.push(
        `${child} 0 ${directoryMode(random)} 2 ${owner(world)} 0 ${mtime(world)} - - -${attributes(world)}`,
      );
      fillDirectory(world, child, depth + 1);
    } else {
      addLeaf(world, `${path}/${name}`);
    }
  }
}

function entryName(random: Random, index: number, long: boolean): string {
  if (long) return `${index.toString().padStart(4, '0')}${random.field(random.below(250), 'letters')}`;
  const first = random.pick([
    '!',
    '#',
    '+',
    ',',
    '\\x2d',
    '.a',
    '..b',
    '\\xff',
    '\\x01',
    '\\x20',
    'a',
    'Z',
    '~',
    '0',
    'ff',
    '\\xc3\\xa9',
  ]);
  return first + (random.chance(20) ? '' : random.field(random.below(12), 'letters'));
}

function addLeaf(world: World, path: string): void {
  const { random } = world;
  const linked = random.chance(8) && world.leaves.length > 0;
  if (linked) {
    world.lines.push(`${path} 0 @100644 1 0 0 0 0.0 ${world.leaves[random.below(world.leaves.length)]} - -`);
    return;
  }
  const nlink = random.pick([1, 1, 1, 1, 2, 70_000]);
  const line = (size: number | string, mode: number, device: number, body: string): string =>
    `${path} ${size} ${mode.toString(8)} ${nlink} ${owner(world)} ${device} ${mtime(world)} ${body}${attributes(world)}`;
  const permission = random.below(0o10000);
  world.lines.push(leafLine(random, permission, line));
  world.leaves.push(path);
}

type Line = (size: number | string, mode: number, device: number, body: string) => string;

function leafLine(random: Random, permission: number, line: Line): string {
  switch (random.below(12)) {
    case 0:
      return line(
        random.below(4) * 1e9,
        0o020000 | permission,
        random.chance(50) ? 0 : random.below(2 ** 32),
        '- - -',
      );
    case 1:
      return line(0, 0o060000 | permission, random.below(2 ** 32), '- - -');
    case 2:
      return line(0, random.pick([0o010000, 0o140000]) | permission, 0, '- - -');
    case 3:
    case 4: {
      const length = random.chance(15) ? 3900 + random.below(196) : 1 + random.below(200);
      return line(length, 0o120000 | permission, 0, `${random.field(length, 'letters')} - -`);
    }
    case 5:
    case 6: {
      const length = random.pick([
        0,
        1,
        64,
        random.below(300),
        1900 + random.below(400),
        4000 + random.below(200),
        random.below(5001),
      ]);
      const content = length === 0 ? '-' : random.field(length, random.chance(30) ? 'bytes' : 'letters');
      return line(length, 0o100000 | permission, 0, `- ${content} -`);
    }
    default: {
      const size = random.chance(60) ? 1 + random.below(2 ** 20) : powerOfTwo(random);
      return line(String(size), 0o100000 | permission, 0, objectFields(random));
    }
  }
}

/** Near a power of two up to 2^53, where chunks change their size and their number. */
function powerOfTwo(random: Random): number {
  const value = 2 ** random.below(54) + random.below(3) - 1;
  return Math.min(Math.max(value, 1), 2 ** 53);
}

function objectFields(random: Random): string {
  const digest = random.hex(64);
  return random.pick([
    `${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}`,
    `${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}`,
    `00/${'0'.repeat(62)} - ${'0'.repeat(64)}`,
    `${random.field(1 + random.below(60), 'letters')} - -`,
    `- - ${digest}`,
    '- - -',
    `/${random.field(5, 'letters')} - ${digest}`,
  ]);
}

function owner({ random }: World): string {
  const id = (): number => random.pick([0, 0, 0, 1000, 65535, 65536, 4294967295]);
  return `${id()} ${id()}`;
}

function directoryMode(random: Random): string {
  return (0o040000 | random.below(0o10000)).toString(8);
}

function mtime(world: World): string {
  return world.random.chance(70)
    ? (world.times[world.random.below(world.times.length)] ?? '0.0')
    : time(world.random);
}

function time(random: Random): string {
  const seconds = random.pick([
    0,
    1,
    random.below(2 ** 31),
    2 ** 33 + random.below(1000),
    -1 - random.below(5_000_000_000),
  ]);
  return `${seconds}.${random.chance(50) ? 0 : random.below(1_000_000_000)}`;
}

const NAMES: readonly [string, ...string[]] = [
  'user.a',
  'user.overlay.opaque',
  'user.overlay.whiteouts',
  'user.overlay.redirect',
  'trusted.a',
  'trusted.overlay.opaque',
  'trusted.overlay.metacopy',
  'trusted.overlay.redirect',
  'trusted.overlay.overlay.whiteout',
  'security.selinux',
  'security.capability',
  'system.posix_acl_access',
  'system.posix_acl_default',
  'system.posix_acl_access_more',
  'lustre.lov',
  'os2.thing',
  'user.',
  'security.ima',
];

/** Attributes that many inodes have, so that they are shared. */
function attributePool(random: Random): readonly [string, ...string[]] {
  const pool = Array.from({ length: 30 }, () => attribute(random, random.pick(NAMES), 60));
  return [' security.selinux=system_u', ...pool];
}

function attributes({ random, pool }: World): string {
  if (random.chance(40)) return '';
  if (random.chance(1)) {
    // More shared ones than an inode may refer to.
    return Array.from({ length: 150 }, (_, index) => ` user.many${index}=x`).join('');
  }
  let text = '';
  for (let count = random.below(5); count > 0; count -= 1) {
    text += random.chance(70)
      ? random.pick(pool)
      : attribute(random, random.pick(NAMES) + random.field(random.below(9), 'letters'), 300);
  }
  return text;
}

/** Long values of the overlay's own names are left out: mkcomposefs cannot replace them (ERANGE), we can. */
function attribute(random: Random, name: string, limit: number): string {
  const length = random.below(name.includes('overlay.') ? 9 : limit);
  return ` ${name}=${random.field(length, 'bytes')}`;
}
