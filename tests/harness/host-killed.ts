/**
 * The process that is killed: stages and finishes an update of the host in a directory, as it is booted.
 *
 *     node host-killed.ts MACHINE ID
 *
 * Says `ready` when it begins and `done` when it is over.
 */
import { finalizeStaged } from '@slipway/host';
import { stage, systemOf } from '../../packages/host/src/testing/test-host.ts';
import { UPDATED } from './host-images.ts';

/** What it is started with: the directory of the host, and the deployment it booted. */
export type KilledArguments = readonly [machine: string, id: string];

const [, , machine, id] = process.argv;
if (machine !== undefined && id !== undefined) {
  const host = systemOf(machine, id);
  process.stdout.write('ready\n');
  await stage(host, UPDATED);
  await finalizeStaged(host);
  process.stdout.write('done\n');
}
