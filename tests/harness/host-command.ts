/**
 * `slipway` on a host in a directory, as it is booted: its answers are those of the packages, over a machine that is not this one.
 *
 *     node host-command.ts DIRECTORY ID status|upgrade|switch|rollback … --json
 */
import { isSlipwayError } from '@slipway/core';
import { checkUpdate, followedReference, hostStatus, rollback, stageUpdate } from '@slipway/host';
import { openImage, parseReference } from '@slipway/oci';
import { systemOf } from '../../packages/host/src/testing/test-host.ts';

/** What it is started with, before the words of the command: the directory of the host, and the deployment it booted. */
export type HostCommandArguments = readonly [directory: string, id: string];

const [directory = '', id = '', command = '', ...rest] = process.argv.slice(2);
const words = rest.filter((word) => !word.startsWith('--'));
const host = systemOf(directory, id);

try {
  process.stdout.write(`${JSON.stringify(await answer())}\n`);
} catch (thrown) {
  if (!isSlipwayError(thrown)) throw thrown;
  const { code, message, hint } = thrown;
  process.stderr.write(`${JSON.stringify({ type: 'error', code, message, hint })}\n`);
  process.exitCode = 1;
}

async function answer(): Promise<unknown> {
  if (command === 'status') return await hostStatus(host);
  if (command === 'rollback') return await rollback(host, { to: words[0] });
  const [image] = words;
  const reference = image === undefined ? await followedReference(host) : parseReference(image);
  await using source = openImage(reference);
  if (rest.includes('--check')) return await checkUpdate(host, source);
  return await stageUpdate(host, { source, reference, command: `slipway ${command}`, etcPolicy: 'ours' });
}
