/**
 * `slipway image --config`: what a configuration asks for stands on the disk, read back and checked by the tools of others; and what
 * cannot be done is refused before anything is written.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collectBytes, makeTempDir, run, type TempDir } from '@slipway/core';
import {
  type DiskDirectory,
  type DiskNode,
  openRawSource,
  readExt4,
  readGpt,
  sourceWindow,
} from '@slipway/disk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SMALL_IMAGE } from '../packages/install/src/testing/small-image-tree.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';
import { member, writeTinyImage } from './harness/tiny-image.ts';

const MIB = 1024 ** 2;
const KEY = `ssh-ed25519 ${'A'.repeat(68)} me`;
const CONFIG = `
[customizations]
hostname = "shop-1"
[customizations.kernel]
append = "panic=7 audit=0"
[[customizations.user]]
name = "alice"
password = "$6$salt$hash"
key = "${KEY}"
groups = ["sudo"]
[customizations.timezone]
timezone = "Europe/Berlin"
[customizations.services]
masked = ["cron"]
[[customizations.files]]
path = "/var/log/app/first"
data = "first line"
[[customizations.directories]]
path = "/var/log/app"
[customizations.swap]
size = "64 MiB"
[[customizations.disk.partitions]]
mountpoint = "/var/log"
label = "logs"
min = "32 MiB"
grow = true
[[customizations.disk.partitions]]
mountpoint = "/home"
size = "40 MiB"
[[customizations.disk.partitions]]
fs_type = "vfat"
label = "EXCHANGE"
size = "48 MiB"
[[customizations.disk.partitions]]
mountpoint = "/"
min = "200 MiB"
`;

interface Answer {
  readonly kernelCommandLine: string;
  readonly deployment: string;
  readonly disks: readonly { readonly sha256: string }[];
}

let temp: TempDir;
let image: string;
let env: Readonly<Record<string, string>>;
let answer: Answer;
let raw: string;

beforeAll(async () => {
  temp = await makeTempDir('image-config');
  env = { SLIPWAY_CACHE: join(temp.path, 'cache') };
  const extra = Object.entries(SMALL_IMAGE).map(([path, content]) => {
    if (content === null) return member({ kind: 'directory', path, mode: 0o755 });
    if (content.startsWith('-> '))
      return member({ kind: 'symlink', path, linkTarget: content.slice(3), mode: 0o777 });
    return member({ path }, Buffer.from(content));
  });
  image = await writeTinyImage(join(temp.path, 'layout'), { extra });
  await writeFile(join(temp.path, 'config.toml'), CONFIG);
  answer = await makeDisk(join(temp.path, 'out'));
  raw = join(temp.path, 'out/disk.raw');
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

async function makeDisk(output: string): Promise<Answer> {
  const config = join(temp.path, 'config.toml');
  const shape = ['--type', 'raw', '--size', '1500M', '--config', config, '--karg', 'panic=5'];
  return (await slipwayJson(['image', image, '-o', output, ...shape], { env })) as Answer;
}

async function fileSystem(label: string, disk = raw): Promise<DiskDirectory> {
  await using source = await openRawSource(disk);
  const { partitions } = await readGpt(source);
  const partition = partitions.find((each) => each.label === label);
  if (partition === undefined) throw new Error(`no partition ${label}`);
  const { root } = await readExt4(sourceWindow(source, partition.offsetBytes, partition.sizeBytes));
  // Read whole while the disk is open: the files are small.
  return await inMemory(root);
}

async function inMemory(directory: DiskDirectory): Promise<DiskDirectory> {
  const entries = new Map<string, DiskNode>();
  for (const [name, node] of directory.entries) {
    if (node.kind === 'directory') entries.set(name, name === 'composefs' ? node : await inMemory(node));
    else if (node.kind === 'file') {
      const bytes = await collectBytes(node.open(), 64 * MIB, () => new Error('too large'));
      entries.set(name, {
        ...node,
        open: async function* () {
          yield bytes;
        },
      });
    } else entries.set(name, node);
  }
  return { ...directory, entries };
}

function at(directory: DiskDirectory, path: string): DiskNode | undefined {
  let node: DiskNode | undefined = directory;
  for (const name of path.split('/')) node = node?.kind === 'directory' ? node.entries.get(name) : undefined;
  return node;
}

async function text(directory: DiskDirectory, path: string): Promise<string> {
  const node = at(directory, path);
  if (node?.kind !== 'file') throw new Error(`no file ${path}`);
  return (await collectBytes(node.open(), MIB, () => new Error('too large'))).toString();
}

test('the first /etc of the host has what was asked for', async () => {
  const root = await fileSystem('slipway-root');
  const etc = `state/deploy/${answer.deployment}/etc`;
  expect(await text(root, `${etc}/hostname`)).toBe('shop-1\n');
  expect(await text(root, `${etc}/passwd`)).toContain('alice:x:1000:1000::/home/alice:/bin/bash\n');
  expect(await text(root, `${etc}/shadow`)).toMatch(/^alice:\$6\$salt\$hash:\d+:0:99999:7:::$/m);
  expect(await text(root, `${etc}/group`)).toContain('sudo:x:27:alice\n');
  expect(at(root, `${etc}/localtime`)).toMatchObject({ target: '../usr/share/zoneinfo/Europe/Berlin' });
  expect(at(root, `${etc}/systemd/system/cron.service`)).toMatchObject({ target: '/dev/null' });
  expect(answer.kernelCommandLine).toMatch(/ quiet console=ttyS0 panic=7 audit=0 panic=5$/);
});

test('file systems hold what belongs below the places they are mounted at', async () => {
  const home = await fileSystem('home');
  expect(at(home, 'alice')).toMatchObject({ meta: { mode: 0o700, uid: 1000, gid: 1000 } });
  expect(at(home, 'alice/.ssh/authorized_keys')).toMatchObject({
    meta: { mode: 0o600, uid: 1000, gid: 1000 },
  });
  expect(await text(home, 'alice/.ssh/authorized_keys')).toBe(`${KEY}\n`);
  expect(await text(home, 'alice/.bashrc')).toBe('# rc\n');
  const logs = await fileSystem('logs');
  expect(await text(logs, 'app/first')).toBe('first line');
  expect(await text(logs, 'dpkg.log')).toBe('old\n');
  const root = await fileSystem('slipway-root');
  for (const name of ['home', 'log']) {
    expect(at(root, `state/os/default/var/${name}`)).toMatchObject({
      kind: 'directory',
      entries: new Map([]),
    });
  }
});

test('the partitions are as large as asked, in the eyes of sfdisk, blkid and fsck', async () => {
  await using source = await openRawSource(raw);
  const { partitions } = await readGpt(source);
  expect(partitions.map(({ label }) => label)).toEqual([
    'slipway-esp',
    'logs',
    'home',
    'EXCHANGE',
    'swap',
    'slipway-root',
  ]);
  const bytes = Object.fromEntries(partitions.map(({ label, sizeBytes }) => [label, sizeBytes / MIB]));
  expect(bytes).toMatchObject({ home: 40, EXCHANGE: 48, swap: 64 });
  expect(bytes['logs']).toBeGreaterThan(60);
  expect(bytes['slipway-root']).toBeGreaterThan(220);
  const verified = await run(['sfdisk', '--verify', raw], { describe: 'check the table' });
  expect(verified.stdout.toString()).toMatch(/no errors/i);
  const types = { logs: 'ext4', home: 'ext4', EXCHANGE: 'vfat', swap: 'swap' } as const;
  const lines: string[] = [];
  for (const { label, uuid, offsetBytes, sizeBytes } of partitions) {
    const type = types[label as keyof typeof types];
    if (type === undefined) continue;
    const found = await run(
      [
        'blkid',
        '--probe',
        '--offset',
        String(offsetBytes),
        '--size',
        String(sizeBytes),
        '-s',
        'TYPE',
        '-o',
        'value',
        raw,
      ],
      { describe: 'look at a file system' },
    );
    expect(found.stdout.toString().trim()).toBe(type);
    if (type === 'swap') lines.push(`PARTUUID=${uuid} none swap defaults 0 0`);
    else if (type === 'ext4')
      lines.push(
        `PARTUUID=${uuid} /${label === 'logs' ? 'var/log' : 'home'} ext4 defaults,x-systemd.device-timeout=5min 0 2`,
      );
    if (type === 'ext4') {
      const copy = join(temp.path, label);
      await run(
        [
          'dd',
          `if=${raw}`,
          `of=${copy}`,
          'bs=1M',
          'conv=sparse',
          `skip=${offsetBytes / MIB}`,
          `count=${sizeBytes / MIB}`,
        ],
        { describe: 'cut a partition out' },
      );
      await run(['e2fsck', '-fn', copy], { describe: 'check a file system' });
    }
  }
  const root = await fileSystem('slipway-root');
  expect(await text(root, `state/deploy/${answer.deployment}/etc/fstab`)).toBe(`${lines.join('\n')}\n`);
});

test('the same request gives the same bytes', async () => {
  const again = await makeDisk(join(temp.path, 'again'));
  expect(again.disks[0]?.sha256).toBe(answer.disks[0]?.sha256);
});

test.each<[string, string, readonly string[]]>([
  [
    'what no disk can have',
    '[customizations]\nhostnam = "x"\n[[customizations.user]]\nname = "Al"\n',
    [
      "2:1: customizations.hostnam: there is no field 'hostnam' here, did you mean 'hostname'?",
      '4:1: customizations.user[0].name: must be a name',
    ],
  ],
  [
    'what this image cannot have',
    '[customizations.timezone]\ntimezone = "Mars/Olympus"\n[customizations.services]\nenabled = ["wbe"]\n',
    [
      '2:1: customizations.timezone.timezone: the image has no time zone',
      "4:12: customizations.services.enabled[0]: the image has no unit wbe.service, did you mean 'web.service'?",
    ],
  ],
])('%s is refused, all of it at once', async (_name, config, expected) => {
  const path = join(temp.path, 'wrong.toml');
  await writeFile(path, config);
  const output = join(temp.path, 'refused');
  const { exitCode, stderr } = await slipway(['image', image, '-o', output, '--config', path], {
    env,
    allowExitCodes: [3],
  });
  expect(exitCode).toBe(3);
  for (const line of expected) expect(stderr).toContain(`${path}:${line}`);
  expect(existsSync(output)).toBe(false);
  expect(await readFile(path, 'utf8')).toBe(config);
});

const KICKSTART = `
text
lang C.UTF-8
timezone Europe/Berlin --utc
network --hostname=from-kickstart
rootpw --lock
user --name=bob --groups=sudo --password=$6$salt$hash
%include users.cfg
bootloader --append="panic=9"
part / --size=200 --grow
part /var/log --size=40 --label=kslogs
%packages
@core
%end
reboot
`;

test('a kickstart file makes the same kind of host', async () => {
  const path = join(temp.path, 'ks.cfg');
  await writeFile(path, KICKSTART);
  await writeFile(join(temp.path, 'users.cfg'), `sshkey --username=bob "${KEY}"\n`);
  const out = join(temp.path, 'kickstart');
  const made = await slipwayJson(
    ['image', image, '-o', out, '--type', 'raw', '--size', '1500M', '--kickstart', path],
    { env },
  );
  expect((made as Answer).kernelCommandLine).toMatch(/ panic=9$/);
  const disk = join(out, 'disk.raw');
  const root = await fileSystem('slipway-root', disk);
  const etc = `state/deploy/${(made as Answer).deployment}/etc`;
  expect(await text(root, `${etc}/hostname`)).toBe('from-kickstart\n');
  expect(await text(root, `${etc}/shadow`)).toMatch(/^root:!\*:.*\n(?:.*\n)*bob:\$6\$salt\$hash:/m);
  expect(await text(root, 'state/os/default/var/home/bob/.ssh/authorized_keys')).toBe(`${KEY}\n`);
  expect(await text(await fileSystem('kslogs', disk), 'dpkg.log')).toBe('old\n');
});

test('what a kickstart file asks in vain is told by its lines', async () => {
  const path = join(temp.path, 'wrong.cfg');
  await writeFile(path, 'timezone Mars/Olympus\npart / --fstype=vfat --size=1\n%post\n%end\n');
  const refused = await slipway(['image', image, '-o', join(temp.path, 'no'), '--kickstart', path], {
    env,
    allowExitCodes: [3],
  });
  expect(refused.stderr).toContain(
    `${path}:2: error: part: disk.partitions[0].fs_type the root is ext4, xfs or btrfs`,
  );
  expect(refused.stderr).toContain(`${path}:3: error: %post: scripts run where an installer runs`);
  await writeFile(path, 'timezone Mars/Olympus\n');
  const unfit = await slipway(['image', image, '-o', join(temp.path, 'no'), '--kickstart', path], {
    env,
    allowExitCodes: [3],
  });
  expect(unfit.stderr).toContain(
    `${path}:1:1: timezone: timezone.timezone the image has no time zone Mars/Olympus`,
  );
});

test('kickstart check says what would happen, kickstart from-config writes a file it likes', async () => {
  const path = join(temp.path, 'ks.cfg');
  const { stdout } = await slipway(['kickstart', 'check', path]);
  expect(stdout.toString()).toContain(`${path}:12: warning: %packages: has no effect`);
  expect(stdout.toString()).toContain('nothing is removed; free space is used');
  const written = await slipway(['kickstart', 'from-config', join(temp.path, 'config.toml')]);
  const again = join(temp.path, 'again.cfg');
  await writeFile(again, written.stdout);
  expect(await slipwayJson(['kickstart', 'check', '--strict', again])).toMatchObject({
    ok: true,
    finish: 'reboot',
    disks: { clear: 'all' },
  });
  expect(await slipwayJson(['kickstart', 'check', '--here', again])).toMatchObject({
    machine: expect.any(Array),
  });
  await writeFile(again, 'lang\n');
  expect((await slipway(['kickstart', 'check', again], { allowExitCodes: [1] })).exitCode).toBe(1);
});
