/**
 * The program in the machine whose writes are recorded: what a host runs for an update, on the disk of a host, with the kernel's own file systems.
 *
 *     node update-guest.mjs prepare|update MACHINE LAYOUT
 *
 * MACHINE holds the mounted disk as `sysroot` and `esp`. Prints the deployments before and after as JSON.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finalizeStaged, recordBoot, stageUpdate } from '@slipway/host';
import { layoutSource, parseReference } from '@slipway/oci';
import { boot, type TestHost } from '../../../packages/host/src/testing/test-host.ts';

const [, , step, machine = '', layout = ''] = process.argv;
const host = await boot(machine);
await (step === 'prepare' ? prepare() : update());

/** What the administrator of the host has made of it; none of it may ever be lost. */
async function prepare(): Promise<void> {
  await recordBoot(host);
  await writeFile(join(host.etc, 'faults/edited'), 'mine\n');
  await writeFile(join(host.etc, 'faults/added'), 'mine\n');
  await rm(join(host.etc, 'faults/deleted'));
  const lib = join(host.layout.varDirectory, 'lib');
  await mkdir(lib, { recursive: true });
  await writeFile(join(lib, 'kept'), 'keep me\n');
}

async function update(): Promise<void> {
  const running: TestHost = host;
  const reference = parseReference(`oci:${layout}:stable`);
  if (reference.kind !== 'oci') throw new Error('this is no layout');
  await using source = layoutSource(reference);
  const staged = await stageUpdate(running, { source, reference, command: 'slipway upgrade' });
  if (staged.kind !== 'staged') throw new Error(`the update is ${staged.kind}`);
  await finalizeStaged(running);
  process.stdout.write(`${JSON.stringify({ oldId: running.bootedId, newId: staged.deployment })}\n`);
}
