/**
 * A medium installs a machine by itself: booted by UEFI from a USB stick, beside an empty disk, with no network, nobody there. The machine
 * then starts from its disk, is what the configuration on the medium says, and follows the registry.
 */
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHost, type TestHost } from './harness/host.ts';
import { baseImage } from './harness/images.ts';
import { installFromStick } from './harness/installer.ts';
import { ROOT, slipway } from './harness/slipway.ts';

const FILES = `${ROOT}/build/tests/installer-vm`;
const TARGET = 'registry.example/os:stable';
const GIB = 1024 ** 3;
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_200_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

let host: TestHost | undefined;

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
      '--config',
      `${FILES}/config.toml`,
      '--target-imgref',
      TARGET,
      '-o',
      FILES,
    ],
    { onLine: say },
  );
  await writeFile(`${FILES}/disk.raw`, '');
  await truncate(`${FILES}/disk.raw`, 8 * GIB);
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await rm(FILES, { recursive: true, force: true });
});

test('a stick installs a machine, which starts from its disk', async () => {
  await installFromStick({ directory: FILES, memoryBytes: 1.5 * GIB, withinMs: WITHIN_MS });

  host = await startHost({
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
