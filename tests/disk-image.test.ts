/**
 * `slipway image`: what stands on a disk, said by the tools of others; the same bytes wherever and whenever it is made; and no half
 * disk when somebody presses Ctrl-C.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readdirSync, statSync, watch } from 'node:fs';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { openQcow2Source } from '@slipway/disk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '../packages/oci/src/testing/small-image.ts';
import { ROOT, slipway, slipwayJson } from './harness/slipway.ts';
import { member, TINY_MODULES, tinyDigests, writeTinyImage } from './harness/tiny-image.ts';

const SIZE_BYTES = 1200 * 1024 ** 2;
const SECTOR_BYTES = 512;

interface DiskAnswer {
  readonly image: string;
  readonly manifestDigest: string;
  readonly inputDigest: string;
  readonly version: string;
  readonly deployment: string;
  readonly kernel: string;
  readonly kernelCommandLine: string;
  readonly disks: readonly {
    readonly type: string;
    readonly path: string;
    readonly diskSizeBytes: number;
    readonly sha256: string;
  }[];
}

let temp: TempDir;
let image: string;
let env: Readonly<Record<string, string>>;
let answer: DiskAnswer;
let raw: string;
let qcow2: string;

beforeAll(async () => {
  temp = await makeTempDir('disk-image');
  env = { SLIPWAY_CACHE: join(temp.path, 'cache') };
  image = await writeTinyImage(join(temp.path, 'layout'));
  answer = await makeDisks(join(temp.path, 'first'), env);
  raw = join(temp.path, 'first/disk.raw');
  qcow2 = join(temp.path, 'first/disk.qcow2');
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

async function makeDisks(
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<DiskAnswer> {
  const types = ['--type', 'raw', '--type', 'qcow2', '--karg', 'panic=5', '--size', '1200M'];
  const made = await slipwayJson(['image', image, '-o', directory, ...types], { env: environment });
  return made as DiskAnswer;
}

describe('the answer', () => {
  test('agrees with the bytes, and with the image', async () => {
    expect(answer).toMatchObject({
      image,
      target: image,
      manifestDigest: (await tinyDigests(join(temp.path, 'layout'))).manifest,
      version: '1',
      deployment: expect.stringMatching(/^[0-9a-f]{64}$/),
      kernel: TINY_MODULES.replace('usr/lib/modules/', ''),
      disks: [
        { type: 'raw', path: raw, diskSizeBytes: SIZE_BYTES, sha256: await sha256OfFile(raw) },
        { type: 'qcow2', path: qcow2, diskSizeBytes: SIZE_BYTES, sha256: await sha256OfFile(qcow2) },
      ],
    });
    expect(answer.kernelCommandLine).toMatch(
      new RegExp(`^root=UUID=[0-9a-f-]{36} rw composefs=${answer.deployment} quiet console=ttyS0 panic=5$`),
    );
    expect(statSync(raw).size).toBe(SIZE_BYTES);
    // What is not written takes no room.
    expect(statSync(raw).blocks * 512).toBeLessThan(32 * 1024 ** 2);
    expect(readdirSync(join(temp.path, 'first')).toSorted()).toEqual([
      'SHA256SUMS',
      'disk.qcow2',
      'disk.raw',
    ]);
  });
});

describe('the disk', () => {
  test('has a partition table sfdisk finds nothing wrong with', async () => {
    expect((await output('sfdisk', '--verify', raw)).toLowerCase()).toContain('no errors detected');
    const [esp, root] = await partitions();
    expect(esp).toMatchObject({ type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', name: 'slipway-esp' });
    expect(root).toMatchObject({ type: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', name: 'slipway-root' });
  });

  test('is the same in both formats, to qemu-img', async () => {
    expect(await output('qemu-img', 'check', qcow2)).toContain('No errors were found');
    const compared = await output('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', raw, qcow2);
    expect(compared).toContain('Images are identical');
    const info: unknown = JSON.parse(await output('qemu-img', 'info', '--output=json', qcow2));
    expect(info).toMatchObject({ 'virtual-size': SIZE_BYTES, format: 'qcow2' });
  });
});

describe('the boot partition', () => {
  test('is a file system fsck.vfat finds nothing wrong with', async () => {
    const [esp] = await partitions();
    const copy = join(temp.path, 'esp');
    const range = [`skip=${esp?.start}`, `count=${esp?.size}`, 'iflag=skip_bytes,count_bytes'];
    await output('dd', `if=${raw}`, `of=${copy}`, 'bs=1M', 'conv=sparse', ...inBytes(range));
    await output('fsck.vfat', '-n', copy);
  });

  test('holds boot loader, kernel and initramfs of the image, and an entry that starts the deployment', async () => {
    const kernels = `EFI/Linux/slipway-${answer.deployment}`;
    expect(await fromEsp(`${kernels}/linux`)).toEqual(noise(1, 200_000));
    expect(await fromEsp(`${kernels}/initrd`)).toEqual(noise(2, 299_998));
    expect(await fromEsp('EFI/BOOT/BOOTX64.EFI')).toEqual(noise(3, 100_000));
    const entry = (await fromEsp('loader/entries/slipway-1+3.conf')).toString();
    expect(entry).toContain(`\nlinux /${kernels}/linux\n`);
    expect(entry).toContain(`\ninitrd /${kernels}/initrd\n`);
    expect(entry).toContain(`\noptions ${answer.kernelCommandLine}\n`);
    expect(entry).toMatch(/^title Tiny Linux 1 /m);
  });
});

describe('the root', () => {
  test('is a file system e2fsck finds nothing wrong with, by the name the kernel is told', async () => {
    const path = await rootPath();
    await output('e2fsck', '-fn', path);
    const uuid = /root=UUID=(?<uuid>\S+)/.exec(answer.kernelCommandLine)?.groups?.['uuid'];
    expect(await output('debugfs', '-R', 'stats -h', path)).toContain(`Filesystem UUID:          ${uuid}\n`);
  });

  test('holds objects named by their fs-verity digests, and names that lead to them', async () => {
    const copy = join(temp.path, 'root');
    await mkdir(copy);
    await debugfs(`rdump /composefs ${copy}`);
    const store = join(copy, 'composefs');
    const objects = readdirSync(join(store, 'objects'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.includes('/'))
      .toSorted();
    expect(objects.length).toBeGreaterThan(250);
    expect(await verityDigests(join(store, 'objects'), objects)).toEqual(
      objects.map((name) => name.replace('/', '')),
    );

    expect(readdirSync(join(store, 'images'))).toEqual([answer.deployment]);
    const streams = readdirSync(join(store, 'streams'));
    const kinds = streams.map((name) => name.replace(/[:-]?sha256[:-][0-9a-f]{64}.*/, '')).toSorted();
    expect(kinds).toEqual(['oci-config', 'oci-layer', 'oci-layer', 'oci-manifest']);
    expect(streams).toContain(`oci-manifest-${answer.manifestDigest}`);
    for (const name of [`images/${answer.deployment}`, ...streams.map((stream) => `streams/${stream}`)]) {
      expect(objects).toContain(await linkTarget(`/composefs/${name}`));
    }
    expect(JSON.parse(await readFile(join(store, 'meta.json'), 'utf8'))).toMatchObject({
      version: 1,
      algorithm: 'fsverity-sha256-12',
    });
  });

  test('holds the state of a first deployment', async () => {
    const copy = join(temp.path, 'state-copy');
    await mkdir(copy);
    await debugfs(`rdump /state ${copy}`);
    const deployment = join(copy, 'state/deploy', answer.deployment);
    expect(await readFile(join(deployment, 'etc/hostname'), 'utf8')).toBe('tiny\n');
    expect(await readFile(join(copy, 'state/os/default/var/lib/counter'), 'utf8')).toBe('0\n');
    const origin = await readFile(join(deployment, `${answer.deployment}.origin`), 'utf8');
    expect(origin).toContain(answer.manifestDigest);
    const history = await readFile(join(copy, 'state/history.jsonl'), 'utf8');
    expect(JSON.parse(history)).toMatchObject({ event: 'installed', deployment: answer.deployment });
  });
});

/** Another day for everything that asks JavaScript for the time. */
const THREE_YEARS_LATER = `
  const Now = Date;
  const offsetMs = 1e11;
  Date = class extends Now {
    constructor(...args) {
      if (args.length === 0) super(Now.now() + offsetMs);
      else super(...args);
    }
    static now() {
      return Now.now() + offsetMs;
    }
  };`;

function moduleUrl(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

describe('made again', () => {
  test('elsewhere, on another day, by another name of the cache, with other umask and zone: the same bytes', async () => {
    const environment = {
      SLIPWAY_CACHE: join(temp.path, 'another/cache'),
      NODE_OPTIONS: `--import=${moduleUrl(THREE_YEARS_LATER)}`,
      TZ: 'Pacific/Auckland',
      LANG: 'tr_TR.UTF-8',
    };
    const before = process.umask(0o077);
    try {
      const again = await makeDisks(join(temp.path, 'another/place'), environment);
      expect(again.disks.map(({ sha256 }) => sha256)).toEqual(answer.disks.map(({ sha256 }) => sha256));
      const withoutPaths = { ...again, disks: [] };
      expect(withoutPaths).toEqual({ ...answer, disks: [] });
    } finally {
      process.umask(before);
    }
    // The other day was another day.
    const { stdout } = await run([process.execPath, '-p', 'new Date().getFullYear() - 2'], {
      describe: 'ask for the date',
      env: environment,
    });
    expect(Number(stdout.toString())).toBeGreaterThan(new Date().getFullYear());
  });

  test('over a disk that is there: it is replaced', async () => {
    const directory = join(temp.path, 'over');
    await mkdir(directory);
    await writeFile(join(directory, 'disk.qcow2'), 'an older disk');
    await slipway(['image', image, '-o', directory, '--size', '1200M', '--karg', 'panic=5'], { env });
    expect(await sha256OfFile(join(directory, 'disk.qcow2'))).toBe(answer.disks[1]?.sha256);
  });
});

describe('every format', () => {
  const types = ['qcow2', 'vmdk', 'vhdx', 'gce', 'ova'];
  const options = [...types.flatMap((type) => ['--type', type]), '--size', '2G', '--no-checksums'];
  let directory: string;
  let all: DiskAnswer;

  beforeAll(async () => {
    directory = join(temp.path, 'all');
    all = (await slipwayJson(['image', image, '-o', directory, ...options], { env })) as DiskAnswer;
  });

  test('holds the same disk', async () => {
    const plain = join(directory, 'disk.qcow2');
    await same(plain, 'vmdk', join(directory, 'disk.vmdk'));
    await same(plain, 'vhdx', join(directory, 'disk.vhdx'));
    await output('tar', '-xf', join(directory, 'disk.ova'), '-C', temp.path, 'disk.vmdk');
    await same(plain, 'vmdk', join(temp.path, 'disk.vmdk'));
    expect(all.disks.map(({ type }) => type)).toEqual(types);
    const unpacked = await output(
      'sh',
      '-c',
      `tar -xOzf '${join(directory, 'disk.tar.gz')}' disk.raw | openssl dgst -sha256 -r`,
    );
    expect(unpacked).toContain(await sha256OfQcow2(plain));
  });

  test('of a raw disk too', async () => {
    const place = join(temp.path, 'raw-ones');
    const asBefore = ['--karg', 'panic=5', '--size', '1200M', '--no-checksums'];
    const some = ['--type', 'vhd', '--type', 'ami', ...asBefore];
    await slipway(['image', image, '-o', place, ...some], { env });
    await same(qcow2, 'vpc', join(place, 'disk.vhd'));
    await same(qcow2, 'raw', join(place, 'disk.ami.raw'));
    await slipway(['image', image, '-o', place, '--type', 'raw', '--zstd', ...asBefore], { env });
    const unpack = `zstd -dc '${join(place, 'disk.raw.zst')}' | openssl dgst -sha256 -r`;
    expect(await output('sh', '-c', unpack)).toContain(answer.disks[0]?.sha256);
  });

  test('stands in SHA256SUMS, whenever it was written', async () => {
    const place = join(temp.path, 'sums');
    const first = ['--type', 'qcow2', '--type', 'vmdk'];
    const size = ['--size', '1200M'];
    const one = (await slipwayJson(['image', image, '-o', place, ...first, ...size], { env })) as DiskAnswer;
    await slipway(['image', image, '-o', place, '--type', 'ova', ...size], { env });
    const { stdout } = await run(['sha256sum', '--check', 'SHA256SUMS'], {
      describe: 'check the sums',
      cwd: place,
    });
    expect(stdout.toString()).toBe('disk.ova: OK\ndisk.qcow2: OK\ndisk.vmdk: OK\n');
    const sums = await readFile(join(place, 'SHA256SUMS'), 'utf8');
    for (const { sha256 } of one.disks) expect(sums).toContain(`${sha256}  disk.`);
  });

  test('is not written again while nobody touches it', async () => {
    const before = filesOf(directory);
    const again = await slipwayJson(['image', image, '-o', directory, ...options], { env });
    expect(again).toEqual(all);
    expect(filesOf(directory)).toEqual(before);
  });

  test('alone is written again where it was touched or is gone', async () => {
    const before = filesOf(directory);
    await appendFile(join(directory, 'disk.vmdk'), 'scribble');
    await rm(join(directory, 'disk.vhdx'));
    const again = await slipwayJson(['image', image, '-o', directory, ...options], { env });
    expect(again).toEqual(all);
    const after = filesOf(directory);
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(changed.toSorted()).toEqual(['disk.vhdx', 'disk.vmdk']);
  });

  test('other inputs give other disks', async () => {
    const before = filesOf(directory);
    const other = ['image', image, '-o', directory, '--type', 'vmdk', '--size', '2G', '--karg', 'quiet=0'];
    const made = (await slipwayJson([...other, '--no-checksums'], { env })) as DiskAnswer;
    expect(made.inputDigest).not.toBe(all.inputDigest);
    expect(filesOf(directory)['disk.vmdk']).not.toBe(before['disk.vmdk']);
  });

  test.each([
    [['--type', 'gce', '--size', '1500M'], 3, /for gce: it takes whole GiB/],
    [['--type', 'vhd', '--size', '1200000K'], 3, /for vhd: it takes whole MiB/],
    [['--type', 'vmdk', '--zstd'], 2, /cannot pack a raw disk: none is asked for/],
  ] as const)('%j is refused', async (refused, exitCode, message) => {
    const args = ['image', image, '-o', join(temp.path, 'refused'), ...refused];
    const { stderr } = await slipway(args, { env, allowExitCodes: [exitCode] });
    expect(stderr).toMatch(message);
    expect(readdirSync(temp.path)).not.toContain('refused');
  });
});

async function same(plain: string, format: string, path: string): Promise<void> {
  const compared = await output('qemu-img', 'compare', '-f', 'qcow2', '-F', format, plain, path);
  expect(compared).toContain('Images are identical');
}

async function sha256OfQcow2(path: string): Promise<string> {
  await using source = await openQcow2Source(path);
  const hash = createHash('sha256');
  const pieceBytes = 1024 ** 2;
  for (let at = 0; at < source.sizeBytes; at += pieceBytes) hash.update(await source.read(at, pieceBytes));
  return hash.digest('hex');
}

/** Every disk of a directory, by what changes when it is written again. */
function filesOf(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory).filter((name) => name !== 'SHA256SUMS');
  return Object.fromEntries(
    names.map((name) => {
      const { ino, mtimeMs } = statSync(join(directory, name));
      return [name, `${ino} ${mtimeMs}`];
    }),
  );
}

describe('Ctrl-C', () => {
  test.each(['raw', 'qcow2'])(
    'in the middle of a %s disk leaves nothing, and ends with 130',
    async (type) => {
      const bulk = join(temp.path, 'bulk');
      const large = member({ path: 'usr/share/bulk' }, noise(9, 40_000_000));
      const reference = await writeTinyImage(bulk, { extra: [large] });
      const directory = join(temp.path, `interrupted-${type}`);
      await mkdir(directory);
      const args = ['image', reference, '-o', directory, '--type', type];
      const ended = await interrupted(args, directory, /^disk\..*\.partial-/);
      expect(ended).toMatchObject({ exitCode: 130, stdout: '' });
      expect(ended.stderr).toMatch(/\nerror: cannot go on: stopped by SIGINT\n$/);
      expect(readdirSync(directory)).toEqual([]);
    },
  );
});

/** A disk that takes its time, so that there is a middle to interrupt, however fast or busy the machine is. */
const SLOW_DISK = `
  import { open } from 'node:fs/promises';
  const file = await open('/dev/null');
  const prototype = Object.getPrototypeOf(file);
  const write = prototype.write;
  prototype.write = async function (...args) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    return write.apply(this, args);
  };
  await file.close();`;

/** Starts the command and sends it SIGINT as soon as a file of that name is in the directory. */
async function interrupted(
  args: readonly string[],
  directory: string,
  name: RegExp,
): Promise<{ readonly exitCode: unknown; readonly stdout: string; readonly stderr: string }> {
  const preload = { NODE_OPTIONS: `--import=${moduleUrl(SLOW_DISK)}` };
  const child = spawn(`${ROOT}/bin/slipway`, args, { env: { ...process.env, ...env, ...preload } });
  let isAsked = false;
  const watcher = watch(directory, (_event, changed) => {
    // Once: a second Ctrl-C does not wait for tidying up.
    if (!isAsked && name.test(changed ?? '')) isAsked = child.kill('SIGINT');
  });
  try {
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<unknown[]>,
    ]);
    return { exitCode, stdout, stderr };
  } finally {
    watcher.close();
  }
}

interface PartitionJson {
  readonly type: string;
  readonly name: string;
  readonly start: number;
  readonly size: number;
}

async function partitions(): Promise<readonly PartitionJson[]> {
  const { partitiontable } = JSON.parse(await output('sfdisk', '--json', raw)) as {
    partitiontable: { partitions: readonly PartitionJson[] };
  };
  return partitiontable.partitions;
}

/** `skip=SECTORS` and `count=SECTORS` as bytes. */
function inBytes(operands: readonly string[]): readonly string[] {
  return operands.map((operand) =>
    operand.replace(/=(?<sectors>\d+)$/, (_, sectors: string) => `=${Number(sectors) * SECTOR_BYTES}`),
  );
}

async function fromEsp(path: string): Promise<Buffer> {
  const [esp] = await partitions();
  const at = `${raw}@@${(esp?.start ?? 0) * SECTOR_BYTES}`;
  const { stdout } = await run(['mcopy', '-n', '-i', at, `::/${path}`, '-'], { describe: `read ${path}` });
  return stdout;
}

/** The root file system, as e2fsprogs find it in a disk. */
async function rootPath(): Promise<string> {
  const [, root] = await partitions();
  return `${raw}?offset=${(root?.start ?? 0) * SECTOR_BYTES}`;
}

async function debugfs(command: string): Promise<string> {
  return await output('debugfs', '-R', command, await rootPath());
}

/** Where a link below the store leads, as a path below `objects`. */
async function linkTarget(path: string): Promise<string> {
  const target = /Fast link dest: "(?<target>.*)"|^(?<long>\.\.\/objects\/.*)$/m.exec(
    `${await debugfs(`stat ${path}`)}\n${await debugfs(`cat ${path}`)}`,
  )?.groups;
  return (target?.['target'] ?? target?.['long'] ?? '').replace('../objects/', '');
}

/** What fsverity says of files, in one go. */
async function verityDigests(directory: string, names: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run(
    ['fsverity', 'digest', '--compact', '--hash-alg=sha256', '--block-size=4096', ...names],
    { describe: 'measure files', cwd: directory },
  );
  return stdout.toString().trim().split('\n');
}

async function output(...argv: readonly [string, ...string[]]): Promise<string> {
  return (await run(argv, { describe: `run ${argv[0]}` })).stdout.toString();
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
