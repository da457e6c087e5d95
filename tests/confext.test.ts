/** The script that merges configuration extensions, with the systemd of Debian 13 and real mounts in a namespace. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { beforeAll, expect, test } from 'vitest';
import { scanEtc } from '../packages/host/src/etc-merge/scan.ts';
import { ROOT } from './harness/slipway.ts';
import { unpackPackages } from './harness/unpacked-packages.ts';

const ID = 'ab'.repeat(32);
const OTHER_ID = 'cd'.repeat(32);
const SCRIPT = '/usr/libexec/slipway/extension';
let systemd: string;

beforeAll(async () => {
  systemd = await unpackPackages({
    name: 'systemd-trixie',
    suite: 'trixie',
    packages: [
      'systemd',
      'bash',
      'dash',
      'coreutils',
      'findutils',
      'grep',
      'sed',
      'util-linux',
      'mount',
      'base-files',
    ],
  });
});

/** A physical root with two deployments, the extensions as they are mounted, and what the image has beside systemd. */
async function makeHost(directory: string): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    [`physical/state/deploy/${ID}/etc/os-release`]: 'ID=debian\nVERSION_ID=13\n',
    [`physical/state/deploy/${ID}/etc/host`]: 'host',
    [`physical/state/deploy/${ID}/etc/conf.d/host`]: 'host',
    [`physical/state/deploy/${ID}/etc/hook`]: '#!/bin/sh\necho ran\n',
    [`physical/state/deploy/${OTHER_ID}/etc/host`]: 'other',
    'physical/state/os/default/var/seed': '',
    'apps/site/etc/extension-release.d/extension-release.site': 'ID=debian\nVERSION_ID=13\n',
    'apps/site/etc/host': 'extension',
    'apps/site/etc/conf.d/added': 'extension',
    'apps/site/etc/conf.d/edited': 'extension',
    'apps/site/etc/conf.d/removed': 'extension',
    'apps/more/etc/extension-release.d/extension-release.more': 'ID=_any\n',
    'apps/more/etc/conf.d/more': 'extension',
    'apps/alien/etc/extension-release.d/extension-release.alien': 'ID=elsewhere\nVERSION_ID=1\n',
    'apps/alien/etc/conf.d/alien': 'extension',
    'skeleton/sysroot/.keep': '',
    'skeleton/etc/os-release': 'ID=debian\nVERSION_ID=13\n',
    'skeleton/usr/lib/os-release': 'ID=debian\nVERSION_ID=13\n',
    [`skeleton${SCRIPT}`]: await readFile(`${ROOT}/os/libexec/extension`, 'utf8'),
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    const isProgram = name.endsWith('hook') || name.endsWith(SCRIPT);
    await writeFile(join(directory, name), text, { mode: isProgram ? 0o755 : 0o644 });
  }
  await mkdir(join(directory, 'root'));
}

/** Boots deployments as far as the scripts can tell, `/etc` mounted by the step that is given, and runs a script there. */
async function onHost(
  directory: string,
  script: string,
  etc = `mount --bind $0/physical/state/deploy/${ID}/etc $0/root/etc`,
): Promise<string> {
  const steps = [
    // As systemd has it; what is merged in a namespace of its own reaches the others through that.
    'mount --make-rshared /',
    `mount -t overlay composefs:${ID} -o ro,lowerdir=$0/skeleton:${systemd} $0/root`,
    'mount --bind $0/physical $0/root/sysroot',
    etc,
    'mount --bind $0/physical/state/os/default/var $0/root/var',
    'mount -t tmpfs run $0/root/run',
    'mkdir -p $0/root/run/slipway/apps',
    'mount --bind $0/apps $0/root/run/slipway/apps',
    'for d in proc sys dev; do mount --rbind /$d $0/root/$d; done',
    'exec chroot $0/root sh -uc "$1" sh',
  ];
  const namespace = ['unshare', '--mount', '--propagation', 'private', '--'] as const;
  const argv = [...namespace, 'sh', '-euc', steps.join('\n'), directory, `exec 2>&1; ${script}`] as const;
  return (await run(argv, { describe: 'run a script on a host' })).stdout.toString('utf8').trim();
}

const MERGE = `for name in site more; do ${SCRIPT} merge $name confext > /dev/null 2>&1; done`;

test('the host keeps its own files, gets the others, and can write', async () => {
  await using dir = await makeTempDir('confext', '/dev/shm');
  await makeHost(dir.path);
  const look = 'cd /etc; cat host conf.d/*; echo; echo $(ls conf.d; ./hook); cd /';
  const change = 'echo mine > /etc/conf.d/edited; rm /etc/conf.d/removed; echo mine > /etc/written';
  const unmerge = `for name in site more; do ${SCRIPT} unmerge $name confext > /dev/null 2>&1; done`;
  const said = await onHost(
    dir.path,
    `${MERGE}; ${look}; ${change}; echo $(ls /etc/conf.d); ${unmerge}; echo $(cat /etc/written; ls /sysroot/state/deploy/${ID})`,
  );
  expect(said.split('\n')).toEqual([
    `host${'extension'.repeat(2)}host${'extension'.repeat(2)}`,
    'added edited host more removed ran',
    'added edited host more',
    'mine etc',
  ]);

  // What the merge of /etc for the next deployment takes over: nothing of the extension, and nothing overlayfs wrote for itself.
  const etc = await scanEtc(join(dir.path, `physical/state/deploy/${ID}/etc`), 'sha256');
  const conf = etc.entries.get('conf.d');
  expect([...etc.entries.keys()].toSorted()).toEqual(['conf.d', 'hook', 'host', 'os-release', 'written']);
  expect(conf?.kind === 'directory' && [...conf.entries.keys()].toSorted()).toEqual(['edited', 'host']);
  const nodes = [etc, ...etc.entries.values(), ...(conf?.kind === 'directory' ? conf.entries.values() : [])];
  expect(nodes.flatMap(({ meta }) => [...meta.xattrs.keys()])).toEqual([]);
});

test('several at once all arrive', async () => {
  await using dir = await makeTempDir('confext', '/dev/shm');
  await makeHost(dir.path);
  const both = `for name in site more; do ${SCRIPT} merge $name confext > /dev/null 2>&1 & done; wait`;
  const count = "grep -c ' /etc .* - overlay confext ' /proc/self/mountinfo";
  expect(await onHost(dir.path, `${both}; cat /etc/conf.d/added /etc/conf.d/more; echo; ${count}`)).toBe(
    `${'extension'.repeat(2)}\n1`,
  );
});

test('one for another operating system is taken back, and said', async () => {
  await using dir = await makeTempDir('confext', '/dev/shm');
  await makeHost(dir.path);
  const said = await onHost(
    dir.path,
    `${MERGE}; ${SCRIPT} merge alien confext; echo $?; ls /run/confexts; cat /etc/conf.d/more`,
  );
  expect(said).toMatch(
    /the extension alien is not for this operating system: compare its etc\/extension-release.d/,
  );
  expect(said).toMatch(/\n1\nmore\nsite\nextension$/);
});

test.each([
  ['in memory', 'mount -t tmpfs etc $0/root/etc; cp -a $0/skeleton/etc/. $0/root/etc'],
  ['of another deployment', `mount --bind $0/physical/state/deploy/${OTHER_ID}/etc $0/root/etc`],
  ['of the image', ':'],
])('nothing is merged over an /etc %s', async (_what, etc) => {
  await using dir = await makeTempDir('confext', '/dev/shm');
  await makeHost(dir.path);
  const said = await onHost(
    dir.path,
    `${SCRIPT} merge site confext; echo $?; ls /etc/conf.d/added || true`,
    etc,
  );
  expect(said).toMatch(/^the \/etc of this deployment is not kept.*\n1\n/);
  expect(said).toContain('No such file');
});

test('extensions put there by hand leave /etc writable, and never write to that of another deployment', async () => {
  await using dir = await makeTempDir('confext', '/dev/shm');
  await makeHost(dir.path);
  const text = await readFile(`${ROOT}/os/systemd/system/systemd-confext.service.d/10-slipway.conf`, 'utf8');
  const start = [...text.matchAll(/^ExecStart=(.+)$/gm)].map(([, command]) => command).join('; ');
  const byHand = 'mkdir -p /var/lib/confexts; ln -sfn /run/slipway/apps/site /var/lib/confexts/site';
  const said = await onHost(
    dir.path,
    `${byHand}; ${start} > /dev/null; echo mine > /etc/new; cat /etc/conf.d/added`,
  );
  expect(said).toContain('extension');
  expect(await readFile(join(dir.path, `physical/state/deploy/${ID}/etc/new`), 'utf8')).toBe('mine\n');
  // The next boot, with a link of the boot before: systemd is asked before this one was made.
  const again = await onHost(
    dir.path,
    'systemd-confext refresh --mutable=auto > /dev/null; touch /etc/other; ls /etc/conf.d/added',
    `mount --bind $0/physical/state/deploy/${OTHER_ID}/etc $0/root/etc`,
  );
  expect(again).toMatch(/Read-only file system\n\/etc\/conf.d\/added$/);
});
