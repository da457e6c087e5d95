/**
 * An image installs a machine by itself, beside an empty disk, nobody there: booted by UEFI from a USB stick with no network, and from the
 * network with no stick. The machine then starts from its disk, is what the configuration says, and follows the registry.
 */
import { rm } from 'node:fs/promises';
import { run } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHost } from './harness/host.ts';
import { baseImage } from './harness/images.ts';
import { emptyDisk, installMachine, makeMedium } from './harness/installer.ts';
import { ROOT } from './harness/slipway.ts';
import { SYSTEM_STATE } from './harness/system-state.ts';
import { serveDirectory } from './harness/web-directory.ts';

const FILES = `${ROOT}/build/tests/installer-vm`;
const DISK = `${FILES}/disk.raw`;
const TARGET = 'registry.example/os:stable';
const GIB = 1024 ** 3;
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_200_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

beforeAll(async () => {
  await makeMedium(
    {
      directory: FILES,
      image: await baseImage('trixie', say),
      config: '[customizations]\nhostname = "installed"\n[customizations.installer]\nunattended = true\n',
      target: TARGET,
      types: ['iso', 'pxe'],
    },
    say,
  );
});
afterAll(async () => {
  await rm(FILES, { recursive: true, force: true });
});

test('a stick installs a machine, which starts from its disk', async () => {
  await emptyDisk(DISK, 8 * GIB);
  await installMachine({
    directory: FILES,
    from: 'stick',
    memoryBytes: 1.5 * GIB,
    withinMs: WITHIN_MS,
  });

  await using host = await startHost({
    disk: DISK,
    format: 'raw',
    consoleLogPath: `${FILES}/console.log`,
  });
  const { status } = await host.status();
  expect(status.booted?.image?.image).toEqual({ image: TARGET, transport: 'registry' });
  expect(await host.run('hostname')).toBe('installed');
  expect(await host.run('findmnt -no OPTIONS /')).toContain('verity=require');
  expect(await host.run('test ! -e /run/slipway/live && systemctl is-active slipway-booted.service')).toBe(
    'active',
  );
  expect(await host.run(SYSTEM_STATE)).toBe('running');
});

test('a script of iPXE installs a machine over the network', async () => {
  await emptyDisk(DISK, 8 * GIB);
  await using web = await serveDirectory(`${FILES}/pxe`);
  await installMachine({
    directory: FILES,
    from: { scriptUrl: `${web.guestUrl}boot.ipxe` },
    memoryBytes: 2 * GIB,
    withinMs: WITHIN_MS,
  });
  expect(web.requests).toEqual(['/boot.ipxe', '/linux', '/initrd', '/root.cpio']);
  const { stdout } = await run(['sfdisk', '--verify', DISK], { describe: 'look at the disk' });
  expect(stdout.toString()).toContain('No errors detected');
});
