/** The script that resets a host before its system starts: done whole, done again after a cut anywhere, and left alone where it cannot be. */
import { chmod, cp, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { ROOT } from './harness/slipway.ts';

const SCRIPT = `${ROOT}/os/libexec/factory-reset`;
const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];
const PROGRAMS = ['cp', 'mkdir', 'mv', 'rm', 'sync'] as const;

const HOST: Readonly<Record<string, string>> = {
  'image/etc/hostname': 'image',
  'image/etc/ssh/sshd_config': 'image',
  [`physical/state/deploy/${A}/etc/hostname`]: 'mine',
  [`physical/state/deploy/${A}/etc/machine-id`]: 'id',
  [`physical/state/deploy/${A}/etc/ssh/ssh_host_ed25519_key`]: 'key',
  [`physical/state/deploy/${A}/etc/own/deep/er`]: 'kept',
  [`physical/state/deploy/${A}/etc/own/other`]: 'mine',
  [`physical/state/deploy/${A}/etc.previous/hostname`]: 'mine',
  [`physical/state/deploy/${B}/etc/hostname`]: 'mine',
  [`physical/state/deploy/${B}/etc/machine-id`]: 'id',
  'physical/state/os/default/var/lib/shop/db': 'kept',
  'physical/state/os/default/var/lib/other': 'mine',
  'physical/state/os/default/var/log/journal': 'mine',
  'physical/state/apps/shop/current': 'mine',
  'physical/state/history.jsonl': 'history',
  'physical/state/factory-reset/identity': 'machine-id\nssh/ssh_host_ed25519_key\nssh/ssh_host_rsa_key\n',
  'physical/state/factory-reset/keep-etc': 'own/deep\n',
  'physical/state/factory-reset/keep-var': 'lib/shop\nlib/gone\n',
  'physical/state/factory-reset/var/lib/.keep': '',
};

const AFTER = [
  `deploy/${A}/etc/hostname=image`,
  `deploy/${A}/etc/localtime->/usr/zone`,
  `deploy/${A}/etc/machine-id=id`,
  `deploy/${A}/etc/own/deep/er=kept`,
  `deploy/${A}/etc/ssh/ssh_host_ed25519_key=key`,
  `deploy/${A}/etc/ssh/sshd_config=image`,
  'history.jsonl=history',
  'os/default/var/lib/.keep=',
  'os/default/var/lib/shop/db=kept',
];
const B_AFTER = [
  `deploy/${B}/etc/hostname=image`,
  `deploy/${B}/etc/localtime->/usr/zone`,
  `deploy/${B}/etc/machine-id=id`,
  `deploy/${B}/etc/ssh/sshd_config=image`,
];

async function makeHost(directory: string): Promise<void> {
  for (const [name, text] of Object.entries(HOST)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  await symlink('/usr/zone', join(directory, 'image/etc/localtime'));
}

/** Everything below state/ but what belongs to the reset: `path=text` and `path->target`. */
async function stateOf(directory: string): Promise<readonly string[]> {
  const state = join(directory, 'physical/state');
  const entries = await readdir(state, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(state.length + 1);
    if (entry.isSymbolicLink()) return `${name}->${await readlink(path)}`;
    return entry.isFile() ? `${name}=${await readFile(path, 'utf8')}` : '';
  });
  return (await Promise.all(lines))
    .filter((line) => line !== '' && !line.startsWith('factory-reset'))
    .toSorted();
}

/** Programs that stop the script at the start of their Nth call, as a cut does; or only count. */
async function makePrograms(directory: string): Promise<string> {
  const programs = join(directory, 'programs');
  await mkdir(programs);
  for (const name of PROGRAMS) {
    const text = `#!/bin/sh
read -r count < "$COUNT"
count=$((count + 1))
echo "$count" > "$COUNT"
if [ "$count" = "$CUT_AT" ]; then kill -9 "$PPID"; exit 1; fi
if [ "$FAIL" = ${name} ]; then exit 1; fi
exec /bin/${name} "$@"
`;
    await writeFile(
      join(programs, name),
      name === 'sync' ? text.replace('exec /bin/sync "$@"', 'exit 0') : text,
    );
    await chmod(join(programs, name), 0o755);
  }
  return programs;
}

interface Reset {
  readonly id?: string;
  readonly cutAt?: number;
  readonly fail?: string;
}

async function reset(directory: string, { id = A, cutAt = 0, fail = '' }: Reset = {}): Promise<number> {
  const count = join(directory, 'count');
  await writeFile(count, '0');
  const env = {
    PATH: `${directory}/programs:/usr/bin:/bin`,
    COUNT: count,
    CUT_AT: String(cutAt),
    FAIL: fail,
  };
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const argv = ['env', ...settings, 'sh', '-c', `sh ${SCRIPT} "$@" || echo "cut: $?"`, 'sh'] as const;
  await run([...argv, `${directory}/image`, `${directory}/physical`, id], { describe: 'reset a host' });
  return Number(await readFile(count, 'utf8'));
}

test('brings /etc back to the image, empties /var, keeps what is to stay', async () => {
  await using dir = await makeTempDir('factory-reset', '/dev/shm');
  await makeHost(dir.path);
  await makePrograms(dir.path);
  await reset(dir.path);
  expect(await stateOf(dir.path)).toEqual(AFTER);
  // Once more it does nothing: what the new system wrote by then is its own.
  await writeFile(join(dir.path, 'physical/state/os/default/var/lib/new'), 'new');
  await reset(dir.path);
  const withNew = [...AFTER, 'os/default/var/lib/new=new'].toSorted();
  expect(await stateOf(dir.path)).toEqual(withNew);
  // Another deployment that is started before the reset was finished gets its own.
  await reset(dir.path, { id: B });
  expect(await stateOf(dir.path)).toEqual([...withNew, ...B_AFTER].toSorted());
});

test('a cut before any step leaves a host the next boot resets, whichever deployment that is', async () => {
  await using dir = await makeTempDir('factory-reset', '/dev/shm');
  await makeHost(dir.path);
  await makePrograms(dir.path);
  const fresh = join(dir.path, 'fresh');
  await cp(join(dir.path, 'physical'), fresh, { recursive: true });
  const steps = await reset(dir.path);
  expect(steps).toBeGreaterThan(20);
  for (let cutAt = 1; cutAt <= steps; cutAt++) {
    await rm(join(dir.path, 'physical'), { recursive: true });
    await cp(fresh, join(dir.path, 'physical'), { recursive: true });
    await reset(dir.path, { cutAt });
    // Every other time it is the other one, and the first is started after it.
    const others = cutAt % 2 === 0 ? [B] : [];
    for (const id of [...others, A]) await reset(dir.path, { id });
    const expected = [...AFTER, ...others.flatMap(() => B_AFTER)].toSorted();
    expect(await stateOf(dir.path), `cut at ${cutAt}`).toEqual(expected);
  }
});

test('where the /etc of the image cannot be made, nothing is changed and the host boots', async () => {
  await using dir = await makeTempDir('factory-reset', '/dev/shm');
  await makeHost(dir.path);
  await makePrograms(dir.path);
  const before = await stateOf(dir.path);
  await reset(dir.path, { fail: 'cp' });
  expect(await stateOf(dir.path)).toEqual(before);
  expect(await readdir(join(dir.path, 'physical/state'))).toContain('factory-reset.failed');
});
