import { chmod, link, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CliWorld, COMMAND_TABLE, runCli } from '@slipway/cli';
import { parseDump, writeErofs } from '@slipway/composefs';
import { makeTempDir, run, systemClock } from '@slipway/core';
import { makeNode, setXattr } from '@slipway/linux';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random, randomDump } from '../packages/composefs/src/testing/random-dump.ts';
import { prepareReference, reference } from './harness/reference-composefs.ts';
import { slipway } from './harness/slipway.ts';

// Scenario: a script that calls mkcomposefs and composefs-info calls `slipway composefs` instead and notices nothing:
// the same images, the same lists, the same exit codes.

beforeAll(async () => {
  await prepareReference();
});

interface Answer {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs `slipway composefs` in this process: hundreds of calls, each a few milliseconds. */
async function ours(args: readonly string[]): Promise<Answer> {
  const stdout: Uint8Array[] = [];
  let stderr = '';
  const columns = (): number => 80;
  const world: CliWorld = {
    invokedAs: 'slipway',
    env: {},
    stdout: {
      write: (text) => stdout.push(Buffer.from(text)),
      writeBytes: async (bytes) => void stdout.push(bytes),
      columns,
      isTerminal: false,
    },
    stderr: { write: (text) => (stderr += text), columns, isTerminal: false },
    clock: systemClock,
    cancellation: { signal: new AbortController().signal },
  };
  const exitCode = await runCli(['--quiet', 'composefs', ...args], COMMAND_TABLE, world);
  return { exitCode, stdout: Buffer.concat(stdout), stderr };
}

/** What scripts see of an answer. */
function seen({ exitCode, stdout }: Pick<Answer, 'exitCode' | 'stdout'>): object {
  return { exitCode, stdout: stdout.toString('latin1') };
}

/** A directory with one of everything a directory can hold. */
async function makeSource(path: string): Promise<void> {
  await mkdir(join(path, 'sub', 'deep'), { recursive: true });
  for (const size of [0, 1, 64, 65, 4096, 1_500_000]) {
    await writeFile(join(path, `f${size}`), Buffer.alloc(size, size % 251));
  }
  await writeFile(join(path, 'sub', 'copy'), Buffer.alloc(65, 65));
  await writeFile(join(path, 'name with \n and \\ and é'), 'x');
  await symlink('f1 and more', join(path, 'symlink'));
  await link(join(path, 'f65'), join(path, 'sub', 'linked'));
  makeNode(join(path, 'null'), { kind: 'character-device', major: 1, minor: 3 }, 0o666);
  makeNode(join(path, 'sda'), { kind: 'block-device', major: 8, minor: 0 }, 0o660);
  makeNode(join(path, 'sub', 'whiteout'), { kind: 'character-device', major: 0, minor: 0 }, 0);
  makeNode(join(path, 'fifo'), { kind: 'fifo' }, 0o600);
  setXattr(join(path, 'f64'), 'user.a', Buffer.from('b'));
  setXattr(join(path, 'sub'), 'trusted.overlay.opaque', Buffer.from('y'));
}

/**
 * A random dump without what the reference reader gets wrong: it takes names that mark whiteouts for marks wherever they
 * stand, and reads past the end of an object path whose attribute needs no padding.
 */
function plainDump(seed: number): Buffer {
  const lines = randomDump(seed)
    .split('\n')
    .map((line) => {
      const fields = line
        .split(' ')
        .filter((field) => !/^(user|trusted\.overlay)\.overlay\.whiteout/.test(field));
      const [, , mode = '', , , , , , payload = '-'] = fields;
      const isOddPath = mode.startsWith('10') && payload !== '-' && payload.length % 4 === 3;
      return isOddPath ? fields.with(8, `${payload}x`).join(' ') : fields.join(' ');
    });
  return Buffer.from(lines.join('\n'), 'latin1');
}

/** The lines of a dump, attributes in one order. */
function sortedDump(dump: Buffer): readonly string[] {
  const sortedLine = (line: string): string => {
    const fields = line.split(' ');
    return [...fields.slice(0, 11), ...fields.slice(11).sort()].join(' ');
  };
  return dump.toString('latin1').split('\n').map(sortedLine);
}

async function filesIn(path: string): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[file.slice(path.length)] = (await readFile(file)).toString('base64');
  }
  return files;
}

describe('create', () => {
  const OPTIONS: readonly (readonly string[])[] = [
    [],
    ['--use-epoch'],
    ['--skip-devices'],
    ['--skip-xattrs'],
    ['--user-xattrs'],
    ['--threads=3'],
    ['--min-version=0', '--max-version=0'],
    ['--min-version=1'],
    ['--max-version=0'],
    ['--max-version=1'],
    ['--min-version=1', '--max-version=0'],
    ['--min-version', '1', '--max-version', '1', '--use-epoch', '--skip-devices', '--skip-xattrs'],
  ];

  test('of a directory: the same image and digest with every option', async () => {
    await using dir = await makeTempDir('commands');
    const source = join(dir.path, 'source');
    const image = join(dir.path, 'image');
    await makeSource(source);
    for (const options of OPTIONS) {
      const theirs = await reference('mkcomposefs', [...options, '--print-digest', source, image]);
      const expected = await readFile(image);
      await rm(image);
      const made = await ours(['create', ...options, '--print-digest', source, image]);
      const measured = await ours(['create', ...options, '--print-digest-only', source]);
      expect({ options, ...seen(made) }).toEqual({ options, ...seen(theirs) });
      expect({ options, ...seen(measured) }).toEqual({ options, ...seen(theirs) });
      expect({ options, same: (await readFile(image)).equals(expected) }).toEqual({ options, same: true });
    }
  });

  test('of a dump: the same image for every range of versions', async () => {
    await using dir = await makeTempDir('commands');
    const dump = join(dir.path, 'dump');
    const image = join(dir.path, 'image');
    const ranges = OPTIONS.filter((options) => options.every((option) => /version/.test(option)));
    for (let seed = 3000; seed < 3015; seed += 1) {
      await writeFile(dump, randomDump(seed), 'latin1');
      for (const options of ranges) {
        const args = ['--from-file', ...options, '--print-digest', dump, image];
        const theirs = await reference('mkcomposefs', args);
        const expected = await readFile(image);
        const made = await ours(['create', ...args]);
        expect({ seed, options, ...seen(made) }).toEqual({ seed, options, ...seen(theirs) });
        expect((await readFile(image)).equals(expected)).toBe(true);
      }
    }
  });

  test('fills a directory of objects with the same files', async () => {
    await using dir = await makeTempDir('commands');
    const [source, ourStore, theirStore] = ['source', 'a/ours', 'b/theirs'].map((name) =>
      join(dir.path, name),
    );
    if (source === undefined || ourStore === undefined || theirStore === undefined)
      throw new Error('no names');
    await makeSource(source);
    await reference('mkcomposefs', [`--digest-store=${theirStore}`, source, join(dir.path, 'image')]);
    const args = ['create', '--digest-store', ourStore, source, join(dir.path, 'image')];
    expect(await ours(args)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await filesIn(ourStore)).toEqual(await filesIn(theirStore));
    for (const name of Object.keys(await filesIn(ourStore))) {
      expect((await stat(ourStore + name)).mode & 0o7777).toBe(0o644);
    }
    expect(await ours(args)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('reads standard input and writes standard output', async () => {
    await using dir = await makeTempDir('commands');
    const dump = plainDump(3100);
    const image = join(dir.path, 'image');
    const input = { describe: 'make an image through pipes', input: dump };
    await writeFile(join(dir.path, 'dump'), dump);
    const { stdout: expected } = await reference('mkcomposefs', ['--from-file', join(dir.path, 'dump'), '-']);
    const piped = await run(['bin/slipway', 'composefs', 'create', '--from-file', '-', '-'], input);
    expect(piped.stdout.equals(expected)).toBe(true);
    // As its manual page has it, for programs that hold the file open already.
    const script = `exec 3> '${image}'; bin/slipway composefs create --from-file - /proc/self/fd/3`;
    await run(['sh', '-c', script], input);
    expect((await readFile(image)).equals(expected)).toBe(true);
  });

  test('replaces an image only by a whole one, and keeps its mode', async () => {
    await using dir = await makeTempDir('commands');
    const source = join(dir.path, 'source');
    const image = join(dir.path, 'image');
    await makeSource(source);
    await writeFile(image, 'before');
    await chmod(image, 0o600);
    await writeFile(join(dir.path, 'bad'), '/ nonsense\n');
    expect(await ours(['create', '--from-file', join(dir.path, 'bad'), image])).toMatchObject({
      exitCode: 1,
    });
    expect(await readFile(image, 'utf8')).toBe('before');
    await symlink('image', join(dir.path, 'link'));
    expect(await ours(['create', source, join(dir.path, 'link')])).toMatchObject({ exitCode: 0 });
    expect(await ours(['create', source, image])).toMatchObject({ exitCode: 0 });
    expect((await stat(image)).mode & 0o7777).toBe(0o600);
    expect((await readdir(dir.path)).sort()).toEqual(['bad', 'image', 'link', 'source']);
  });
});

describe('info, ls, dump, objects, missing-objects', () => {
  test('the same answers for random images, whole and filtered', async () => {
    await using dir = await makeTempDir('commands');
    const image = join(dir.path, 'image');
    for (let seed = 4000; seed < 4030; seed += 1) {
      const { root, facts } = parseDump(plainDump(seed));
      const version = seed % 2 === 0 ? 0 : 1;
      await writeFile(image, writeErofs(root, { facts, minVersion: version, maxVersion: version }));
      const names = [...root.entries.keys()].filter((name) => /^[!-~]+$/.test(name)).slice(0, 2);
      for (const filter of [[], names.map((name) => `--filter=${name}`), ['--filter=nothing']]) {
        const [dumped, listed, objects] = await Promise.all(
          ['dump', 'ls', 'objects'].map((verb) => ours([verb, ...filter, image])),
        );
        const [theirDump, theirList, theirObjects] = await Promise.all(
          ['dump', 'ls', 'objects'].map((verb) => reference('composefs-info', [verb, ...filter, image])),
        );
        const at = { seed, filter };
        expect({ at, dump: sortedDump(dumped?.stdout ?? Buffer.of()) }).toEqual({
          at,
          dump: sortedDump(theirDump?.stdout ?? Buffer.of(1)),
        });
        expect({ at, list: listed?.stdout.toString() }).toEqual({ at, list: theirList?.stdout.toString() });
        expect({ at, objects: objects?.stdout.toString() }).toEqual({
          at,
          objects: theirObjects?.stdout.toString(),
        });
      }
    }
  });

  test('the same answers for /etc and /usr/share of this machine, from dump to image and back', async () => {
    await using dir = await makeTempDir('commands');
    for (const source of ['/etc', '/usr/share/doc']) {
      const image = join(dir.path, 'image');
      const again = join(dir.path, 'again');
      await ours(['create', source, image]);
      for (const verb of ['ls', 'objects', 'measure-file']) {
        expect(seen(await ours([verb, image]))).toEqual(
          seen(await reference('composefs-info', [verb, image])),
        );
      }
      const dump = await ours(['dump', image]);
      expect(sortedDump(dump.stdout)).toEqual(
        sortedDump((await reference('composefs-info', ['dump', image])).stdout),
      );
      await writeFile(join(dir.path, 'dump'), dump.stdout);
      await reference('mkcomposefs', ['--from-file', join(dir.path, 'dump'), again]);
      expect((await readFile(again)).equals(await readFile(image))).toBe(true);
    }
  });

  test('several images: one after the other, objects together', async () => {
    await using dir = await makeTempDir('commands');
    const images = await Promise.all(
      [4101, 4102].map(async (seed) => {
        const { root, facts } = parseDump(plainDump(seed));
        const path = join(dir.path, `${seed}`);
        await writeFile(path, writeErofs(root, { facts }));
        return path;
      }),
    );
    for (const verb of ['ls', 'objects', 'missing-objects']) {
      expect(seen(await ours([verb, ...images]))).toEqual(
        seen(await reference('composefs-info', [verb, ...images])),
      );
    }
    const both = await ours(['info', '--json', ...images]);
    expect(JSON.parse(both.stdout.toString())).toMatchObject(
      images.map((path) => ({ path, names: expect.any(Number) })),
    );
  });

  test('missing objects: what is not in the directory of objects, with exit code 0', async () => {
    await using dir = await makeTempDir('commands');
    const source = join(dir.path, 'source');
    const store = join(dir.path, 'store');
    const image = join(dir.path, 'image');
    await makeSource(source);
    await ours(['create', '--digest-store', store, source, image]);
    const ask = async (): Promise<readonly object[]> => [
      seen(await ours(['missing-objects', '--basedir', store, image])),
      seen(await reference('composefs-info', ['--basedir', store, 'missing-objects', image])),
    ];
    const [all, theirAll] = await ask();
    expect(all).toEqual(theirAll);
    expect(all).toEqual({ exitCode: 0, stdout: '' });
    const [first = ''] = Object.keys(await filesIn(store));
    await rm(store + first);
    const [some, theirSome] = await ask();
    expect(some).toEqual(theirSome);
    expect(some).toEqual({ exitCode: 0, stdout: `${first.slice(1)}\n` });
    const json = await ours(['missing-objects', '--json', '--basedir', store, image]);
    expect(JSON.parse(json.stdout.toString())).toEqual([first.slice(1)]);
  });
});

test('measure: what fsverity digest says, for every length around a block', async () => {
  await using dir = await makeTempDir('commands');
  const files: string[] = [];
  for (const size of [0, 1, 4095, 4096, 4097, 128 * 4096, 128 * 4096 + 1, 3_000_000]) {
    const file = join(dir.path, `${size}`);
    await writeFile(file, Buffer.alloc(size, 'slipway'));
    files.push(file);
  }
  for (const algorithm of ['sha256', 'sha512']) {
    const theirs = await run(['fsverity', 'digest', '--compact', `--hash-alg=${algorithm}`, ...files], {
      describe: 'measure files',
      debianPackage: 'fsverity',
    });
    expect(seen(await ours(['measure', '--algorithm', algorithm, ...files]))).toEqual(seen(theirs));
  }
  // composefs-info 1.0.8 hashes a block of zeros for an empty file, the kernel does not.
  const filled = files.slice(1);
  expect(seen(await ours(['measure', ...filled]))).toEqual(
    seen(await reference('composefs-info', ['measure-file', ...filled])),
  );
});

describe('what fails', () => {
  const CREATE: readonly string[] = [
    '',
    'SOURCE',
    'SOURCE a b',
    'nothing image',
    'SOURCE nowhere/image',
    'SOURCE SOURCE',
    'IMAGE image',
    '--frobnicate SOURCE image',
    '--from-file SOURCE image',
    '--from-file nothing image',
    '--from-file IMAGE image',
    '--print-digest-only SOURCE image',
    '--skip-xattrs --user-xattrs SOURCE image',
    '--min-version=2 SOURCE image',
    '--min-version=x SOURCE image',
    '--max-version=7 SOURCE image',
    '--threads=0 SOURCE image',
    '--threads=x SOURCE image',
    '--digest-store=IMAGE/store SOURCE image',
  ];
  const SHOW: readonly string[] = [
    '',
    'frob IMAGE',
    'ls',
    'ls nothing',
    'ls SOURCE',
    'ls EMPTY',
    'ls TRUNCATED',
    'dump FILE',
    'objects IMAGE nothing',
    'ls --filter=a/b IMAGE',
    'missing-objects --basedir=nowhere IMAGE',
    'missing-objects --basedir=IMAGE IMAGE',
    'measure-file nothing',
    'measure-file SOURCE',
  ];

  test('ends with 1, as the reference does, with one clear line', async () => {
    await using dir = await makeTempDir('commands');
    await makeSource(join(dir.path, 'SOURCE'));
    await ours(['create', join(dir.path, 'SOURCE'), join(dir.path, 'IMAGE')]);
    await writeFile(join(dir.path, 'EMPTY'), '');
    await writeFile(join(dir.path, 'FILE'), 'no image at all');
    await writeFile(join(dir.path, 'TRUNCATED'), (await readFile(join(dir.path, 'IMAGE'))).subarray(0, 8192));
    const inDir = (line: string): readonly string[] =>
      line === ''
        ? []
        : line
            .replace(/SOURCE|IMAGE|EMPTY|FILE|TRUNCATED|nothing|nowhere|\bimage\b/g, `${dir.path}/$&`)
            .split(' ');
    for (const line of CREATE) {
      expect({ line, exitCode: (await reference('mkcomposefs', inDir(line))).exitCode }).toEqual({
        line,
        exitCode: 1,
      });
      // The reference leaves what it began.
      await rm(join(dir.path, 'image'), { force: true });
      expectRefusal(line, await ours(['create', ...inDir(line)]));
    }
    for (const line of SHOW) {
      const theirs = await reference('composefs-info', inDir(line));
      expect({ line, exitCode: theirs.exitCode }).toEqual({ line, exitCode: 1 });
      expectRefusal(line, await ours(inDir(line)));
    }
    expectRefusal('', await ours(['create', '--print-digest', ...inDir('SOURCE -')]));
    expect((await readdir(dir.path)).sort()).toEqual(['EMPTY', 'FILE', 'IMAGE', 'SOURCE', 'TRUNCATED']);
  });

  test('a process ends with the same codes', async () => {
    const answer = await slipway(['composefs', 'ls', '/nothing'], { allowExitCodes: [1] });
    expect(answer).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error: cannot read \/nothing: no such file or directory.*\n$/),
    });
    expect((await slipway(['composefs'], { allowExitCodes: [1] })).exitCode).toBe(1);
    expect((await slipway(['composefs', 'ls', '--help'])).stdout.toString()).toContain(
      'ls [OPTIONS] IMAGE...',
    );
  });

  test('on a thousand damaged images: an answer or one clear line, never a bug', async () => {
    await using dir = await makeTempDir('commands');
    const path = join(dir.path, 'image');
    const random = new Random(7);
    for (let round = 0; round < 1000; round += 1) {
      const { root, facts } = parseDump(plainDump(5000 + (round % 20)));
      const image = writeErofs(root, { facts });
      for (let flips = 1 + random.below(8); flips > 0; flips -= 1) {
        image[random.below(image.length)] = random.below(256);
      }
      await writeFile(path, image.subarray(0, random.chance(90) ? image.length : random.below(image.length)));
      const verb = random.pick(['ls', 'dump', 'objects', 'missing-objects', 'info']);
      const answer = await ours([verb, path]);
      if (answer.exitCode === 0) expect(answer.stderr).toBe('');
      else expectRefusal(`round ${round}`, answer);
    }
  });

  test('nothing in an image reaches the terminal as it is, or leads out of the objects', async () => {
    await using dir = await makeTempDir('commands');
    const image = join(dir.path, 'image');
    await writeFile(join(dir.path, 'outside'), '');
    const meta = '100644 1 0 0 0 1.0';
    const dump = [
      '/ 0 40755 2 0 0 0 1.0 - - -',
      `/\\x1b[2J 9 ${meta} a\\x1b]0;x\\x07\\nb - -`,
      `/out 9 ${meta} ../outside - -`,
      `/in 9 ${meta} ab/inside - -`,
      '',
    ].join('\n');
    const { root, facts } = parseDump(Buffer.from(dump));
    await writeFile(image, writeErofs(root, { facts }));
    await mkdir(join(dir.path, 'store', 'ab'), { recursive: true });
    await writeFile(join(dir.path, 'store', 'ab', 'inside'), '');
    for (const verb of ['ls', 'dump', 'objects', 'info']) {
      // oxlint-disable-next-line no-control-regex -- these are what must not be there
      expect((await ours([verb, image])).stdout.toString()).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
    }
    const missing = await ours(['missing-objects', '--basedir', join(dir.path, 'store'), image]);
    expect(missing.stdout.toString()).toBe('../outside\na\\x1b]0;x\\x07\\nb\n');
  });
});

/** Exit code 1, one line that begins with "error: cannot", at most one hint. */
function expectRefusal(line: string, { exitCode, stderr }: Answer): void {
  const form = /^error: cannot [^\n]+\n(hint: [^\n]+\n)?$/.test(stderr);
  expect({ line, exitCode, form, stderr }).toEqual({ line, exitCode: 1, form: true, stderr });
}
