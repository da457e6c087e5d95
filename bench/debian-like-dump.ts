import { Random } from '../packages/composefs/src/testing/random-dump.ts';

/** As many entries as the Debian image that reference figures are of. */
export const ENTRIES = 72_747;

/** Of a hundred entries of a Debian image: what kind they are. */
const PERCENT = { directory: 8, symlink: 15, inline: 5 } as const;

/** Names in the longest path of a directory with something in it. */
const DEPTH = 9;

/**
 * A dump with the shape of a Debian image, in the order of a walk: directories in directories, most files objects with
 * times that come in groups as packages do, a few copies, symlinks and small files. The same on every machine.
 */
export function debianLikeDump(entries: number): Buffer {
  const world: World = {
    entries,
    random: new Random(1),
    lines: ['/ 0 40755 2 0 0 0 1700000000.0 - - -'],
    seconds: 1_700_000_000,
    digest: '',
  };
  while (world.lines.length < entries) addDirectory(world, '', 1);
  return Buffer.from(`${world.lines.join('\n')}\n`);
}

interface World {
  readonly entries: number;
  readonly random: Random;
  readonly lines: string[];
  /** Time and object of the last file. */
  seconds: number;
  digest: string;
}

function addDirectory(world: World, parent: string, depth: number): void {
  const { random, lines, entries } = world;
  const path = newPath(world, parent);
  lines.push(`${path} 0 40755 2 0 0 0 ${world.seconds}.0 - - -`);
  if (random.chance(70)) world.seconds = 1_700_000_000 + random.below(30_000_000);
  for (let count = random.pick([1, 2, 4, 8, 16, 60]); count > 0 && lines.length < entries; count -= 1) {
    if (depth < DEPTH && random.chance(PERCENT.directory)) addDirectory(world, path, depth + 1);
    else lines.push(leafLine(world, newPath(world, path)));
  }
}

function newPath({ random, lines }: World, parent: string): string {
  return `${parent}/${lines.length.toString(36)}${random.field(2 + random.below(20), 'letters')}`;
}

function leafLine(world: World, path: string): string {
  const { random, seconds } = world;
  const line = (size: number, mode: string, body: string): string =>
    `${path} ${size} ${mode} 1 0 0 0 ${seconds}.0 ${body}`;
  const kind = random.below(100 - PERCENT.directory);
  if (kind < PERCENT.symlink) {
    const target = random.field(4 + random.below(40), 'letters');
    return line(target.length, '120777', `${target} - -`);
  }
  if (kind < PERCENT.symlink + PERCENT.inline) {
    const content = random.field(1 + random.below(64), 'letters');
    return line(content.length, '100644', `- ${content} -`);
  }
  if (world.digest === '' || !random.chance(5)) world.digest = random.hex(64);
  const { digest } = world;
  return line(65 + random.below(100_000), '100644', `${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}`);
}
