/**
 * An image installs a machine by itself, beside an empty disk, nobody there: booted by UEFI from a USB stick with no network, and from the
 * network with no stick. The machine then starts from its disk, is what the configuration says, and follows the registry.
 */
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { run } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHost } from './harness/host.ts';
import { baseImage } from './harness/images.ts';
import { installMachine } from './harness/installer.ts';
import { ROOT, slipway } from './harness/slipway.ts';
import { serveDirectory } from './harness/web-directory.ts';

const FILES = `${ROOT}/build/tests/installer-vm`;
const TARGET = 'registry.example/os:stable';
const GIB = 1024 ** 3;
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_200_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

beforeAll(async () => {
  await rm(FILES, { recursive: true, force: true });
  await mkdir(FILES, { recursive: true });
  const config = ['hostname = "installed"', '[customizations.installer]', 'unattended = true'];
  await writeFile(`${FILES}/config.toml`, `[customizations]\n${config.join('\n')}\n`);
  const image = await baseImage('trixie', say);
  await slipway(
    [
      'image',
      image,
      '--type',
      'iso',
      '--type',
      'pxe',
      '--config',
      `${FILES}/config.toml`,
      '--target-imgref',
      TARGET,
      '-o',
      FILES,
    ],
    { onLine: say },
  );
});
afterAll(async () => {
  await rm(FILES, { recursive: true, force: true });
});

async function emptyDisk(): Promise<void> {
  await writeFile(`${FILES}/disk.raw`, '');
  await truncate(`${FILES}/disk.raw`, 8 * GIB);
}

test('a stick installs a machine, which starts from its disk', async () => {
  await emptyDisk();
  await installMachine({
    directory: FILES,
    from: 'stick',
    memoryBytes: 1.5 * GIB,
    withinMs: WITHIN_MS,
  });

  await using host = await startHost({
    disk: `${FILES}/disk.raw`,
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
  expect(await host.run('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe(
    'running',
  );
});

test('a script of iPXE installs a machine over the network', async () => {
  await emptyDisk();
  await using web = await serveDirectory(`${FILES}/pxe`);
  await installMachine({
    directory: FILES,
    from: { scriptUrl: `${web.guestUrl}boot.ipxe` },
    memoryBytes: 2 * GIB,
    withinMs: WITHIN_MS,
  });
  expect(web.requests).toEqual(['/boot.ipxe', '/linux', '/initrd', '/root.cpio']);
  const { stdout } = await run(['sfdisk', '--verify', `${FILES}/disk.raw`], { describe: 'look at the disk' });
  expect(stdout.toString()).toContain('No errors detected');
});
