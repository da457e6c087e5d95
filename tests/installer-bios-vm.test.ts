/**
 * A disc installs a machine with a BIOS, beside an empty disk, with no network, nobody there. The machine then starts from its disk, is
 * updated from the registry it follows, and goes back. A stick and the network start the same installer.
 */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowPlainHttp, startHost, type TestHost } from './harness/host.ts';
import { exampleImage } from './harness/images.ts';
import { emptyDisk, installMachine, makeMedium, tryInstaller } from './harness/installer.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { ROOT, slipway } from './harness/slipway.ts';
import { SYSTEM_STATE } from './harness/system-state.ts';
import { serveDirectory } from './harness/web-directory.ts';

const FILES = `${ROOT}/build/tests/installer-bios-vm`;
const DISK = `${FILES}/disk.raw`;
const GIB = 1024 ** 3;
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_200_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

let registry: TestRegistry;
let host: TestHost | undefined;

beforeAll(async () => {
  registry = await startRegistry();
  await makeMedium(
    {
      directory: FILES,
      image: await exampleImage({ folder: 'web-application' }, say),
      config: '[customizations.installer]\nunattended = true\n',
      target: `${registry.guestHostPort}/web:stable`,
      types: ['iso', 'pxe'],
    },
    say,
  );
  await emptyDisk(DISK, 8 * GIB);
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await rm(FILES, { recursive: true, force: true });
});

test('a disc installs a machine, which starts from its disk, is updated and goes back', async () => {
  await installMachine({
    directory: FILES,
    from: 'disc',
    firmware: 'bios',
    memoryBytes: 1.5 * GIB,
    withinMs: WITHIN_MS,
  });
  host = await startHost({
    disk: DISK,
    format: 'raw',
    firmware: 'bios',
    keep: true,
    consoleLogPath: `${FILES}/console.log`,
  });
  expect(await booted(host)).toEqual({ version: '1', bootloader: 'grub' });
  expect(await host.run('findmnt -no OPTIONS /')).toContain('verity=require');
  expect(await host.run(SYSTEM_STATE)).toBe('running');

  const next = await exampleImage({ folder: 'web-application', containerfile: 'Containerfile.v2' }, say);
  await slipway(['push', next, `${registry.hostPort}/web:stable`]);
  await allowPlainHttp(host, registry.guestHostPort);
  await host.run('slipway upgrade');
  await host.reboot();
  expect(await booted(host)).toEqual({ version: '2', bootloader: 'grub' });

  await host.run('slipway rollback');
  await host.reboot();
  expect(await booted(host)).toEqual({ version: '1', bootloader: 'grub' });
});

/** What is installed is the same from everywhere: that the installer runs, and looks for a disk, is what differs. */
const EMPTY = { directory: FILES, firmware: 'bios', disks: [], withinMs: WITHIN_MS } as const;
const NO_DISK = 'SLIPWAY-INSTALL: failure: this machine has no disk to install to';

test('a stick starts the installer as well', async () => {
  expect(await tryInstaller({ ...EMPTY, from: 'stick', memoryBytes: 1.5 * GIB })).toContain(NO_DISK);
});

test('and so does a script of iPXE', async () => {
  await using web = await serveDirectory(`${FILES}/pxe`);
  const from = { scriptUrl: `${web.guestUrl}boot.ipxe` };
  expect(await tryInstaller({ ...EMPTY, from, memoryBytes: 2.5 * GIB })).toContain(NO_DISK);
  expect(web.requests).toEqual(['/boot.ipxe', '/linux', '/initrd', '/root.cpio']);
});

async function booted(
  machine: TestHost,
): Promise<{ readonly version: unknown; readonly bootloader: unknown }> {
  const { status } = await machine.status();
  return { version: status.booted?.image?.version, bootloader: status.booted?.composefs?.bootloader };
}
