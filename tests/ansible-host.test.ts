/** The module for hosts of integrations/ansible, by Debian's Ansible: with the command itself here, and with hosts in directories. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { finalizeStaged } from '@slipway/host';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boot, installHost, partsOf } from '../packages/host/src/testing/test-host.ts';
import { writeTestImage } from '../packages/host/src/testing/test-image.ts';
import type { HostCommandArguments } from './harness/host-command.ts';
import { INSTALLED, UPDATED } from './harness/host-images.ts';
import { ROOT } from './harness/slipway.ts';

let directory: TempDir;
let command: string;

beforeAll(async () => {
  directory = await makeTempDir('ansible-host');
  command = join(directory.path, 'slipway');
  await installHost(machine(), INSTALLED);
  await restart();
});

function machine(): string {
  return join(directory.path, 'machine');
}

/** What is staged comes into force, the host boots, and the command is that of the host that runs then. */
async function restart(): Promise<void> {
  const { bootedId } = await boot(machine());
  const started: HostCommandArguments = [machine(), bootedId];
  const argv = [process.execPath, `${ROOT}/tests/harness/host-command.ts`, ...started];
  await writeFile(command, `#!/bin/sh\nexec ${argv.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  await chmod(command, 0o755);
}

afterAll(async () => await directory[Symbol.asyncDispose]());

interface Told {
  readonly failed: boolean;
  readonly changed?: boolean;
  readonly msg?: string;
  readonly outcome?: string;
  readonly reboot_required?: boolean;
  readonly host?: { readonly kind: string };
}

/** One task on this machine; what its module told. */
async function ask(
  executable: string,
  args: Readonly<Record<string, string>>,
  isCheck = false,
): Promise<Told> {
  const given = JSON.stringify({ executable, ...args });
  const argv: readonly [string, ...string[]] = [
    'ansible',
    'localhost',
    '-m',
    'slipway.fleet.host',
    '-a',
    given,
    ...(isCheck ? ['--check'] : []),
  ];
  const { exitCode, stdout } = await run(argv, {
    describe: 'run the module',
    debianPackage: 'ansible-core',
    allowExitCodes: [2],
    env: {
      ANSIBLE_COLLECTIONS_PATH: `${ROOT}/integrations/ansible`,
      ANSIBLE_HOME: join(directory.path, 'ansible'),
      ANSIBLE_LOCAL_TEMP: join(directory.path, 'local'),
      ANSIBLE_REMOTE_TEMP: join(directory.path, 'remote'),
      ANSIBLE_LOCALHOST_WARNING: 'false',
      ANSIBLE_NOCOLOR: 'true',
      LC_ALL: 'C.UTF-8',
    },
  });
  const text = stdout.toString('utf8');
  return { ...(JSON.parse(text.slice(text.indexOf('{'))) as Told), failed: exitCode !== 0 };
}

test('the command itself, on a machine that is no such host: its status, and its refusal in its words', async () => {
  const slipway = `${ROOT}/bin/slipway`;
  expect(await ask(slipway, {})).toMatchObject({
    changed: false,
    reboot_required: false,
    host: { kind: 'BootcHost', status: { booted: null } },
  });
  const refused = await ask(slipway, { action: 'upgrade' });
  expect(refused).toMatchObject({ failed: true });
  expect(refused.msg).toMatch(
    /^cannot manage this machine: it was not booted .*; make a disk with slipway image/,
  );
});

test('upgrades, says before what it would do, and does it once', async () => {
  const { images } = partsOf(machine());
  expect(await ask(command, { action: 'upgrade' })).toMatchObject({ changed: false, outcome: 'up-to-date' });
  await writeTestImage(images, UPDATED);
  const before = await ask(command, { action: 'upgrade' }, true);
  expect(before).toMatchObject({ changed: true, outcome: 'available', reboot_required: false });
  const done = { changed: true, outcome: 'staged', reboot_required: true };
  expect(await ask(command, { action: 'upgrade' })).toMatchObject(done);
  const again = { changed: false, outcome: 'already-staged', reboot_required: true };
  expect(await ask(command, { action: 'upgrade' })).toMatchObject(again);
});

test('rolls back once, however often it is asked', async () => {
  await finalizeStaged(await boot(machine()));
  await restart();
  expect(await ask(command, {})).toMatchObject({ changed: false, reboot_required: false });
  expect(await ask(command, { action: 'rollback' }, true)).toMatchObject({
    changed: true,
    outcome: 'queued',
  });
  const queued = { changed: true, outcome: 'queued', reboot_required: true };
  expect(await ask(command, { action: 'rollback' })).toMatchObject(queued);
  expect(await ask(command, { action: 'rollback' })).toMatchObject({ changed: false, reboot_required: true });
});

test('switches to another image, once', async () => {
  const { images } = partsOf(machine());
  await writeTestImage(images, { ...INSTALLED, tag: 'other', version: '3' });
  const image = `oci:${images}:other`;
  expect(await ask(command, { action: 'switch', image }, true)).toMatchObject({ changed: true });
  expect(await ask(command, { action: 'switch', image })).toMatchObject({
    changed: true,
    reboot_required: true,
  });
  expect(await ask(command, { action: 'switch', image })).toMatchObject({ changed: false });
});

const REFUSED: readonly (readonly [what: string, args: Readonly<Record<string, string>>, message: RegExp])[] =
  [
    ['a switch to nothing', { action: 'switch' }, /image/],
    ['an image where none is wanted', { action: 'upgrade', image: 'x' }, /image is for the action switch/],
    ['an image that is nowhere', { action: 'switch', image: 'oci:/nonexistent:x' }, /cannot /],
  ];

test.each(REFUSED)('%s is refused', async (_what, args, message) => {
  const { failed, msg } = await ask(command, args);
  expect(failed).toBe(true);
  expect(msg).toMatch(message);
});
