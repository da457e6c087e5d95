/**
 * What it costs a host to ask for an update when there is none: the whole command, as the executable a host has.
 *
 *     node bench/upgrade-check.bench.ts
 *
 * The host is a directory with one deployment, made the root of a mount namespace the way an initramfs would; that needs root.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { makeTempDir, run } from '@slipway/core';
import { installed, V1 } from '../packages/host/src/testing/scenario.ts';
import { partsOf } from '../packages/host/src/testing/test-host.ts';
import { startFaultProxy } from '../tests/harness/fault-proxy.ts';
import { startRegistry } from '../tests/harness/registry.ts';
import { onBootedHost, timed } from './booted-host.ts';
import { slipwayExecutable } from './executable.ts';
import { boundRow, printRows } from './rows.ts';

const ROUNDS = 10;
const GOAL_MS = 150;

await using dir = await makeTempDir('bench');
await using mounts = await makeTempDir('bench-mounts');
const executable = await slipwayExecutable();
const host = await installed(dir.path);
const { images } = partsOf(dir.path);
await using registry = await startRegistry();
await using proxy = await startFaultProxy(registry.hostPort);
const local = `oci:${images}:${V1.tag}`;
const remote = `docker://${registry.hostPort}/host:${V1.tag}`;
await run(['skopeo', 'copy', '--dest-tls-verify=false', local, remote], { describe: 'push the image' });
await follow(`docker://${proxy.hostPort}/host:${V1.tag}`);

const asked = ['/mnt/slipway', 'upgrade', '--check'];
const onHost = onBootedHost(host, mounts.path, executable);
const { stdout, stderr } = await run([...onHost, ...timed(ROUNDS), ...asked], {
  describe: 'ask for an update',
});
if (!stderr.includes('Nothing new')) throw new Error(stderr);
const milliseconds = stdout.toString('utf8').trim().split('\n').map(Number);
const requests = proxy.requests.length / ROUNDS;
const step = `upgrade --check, nothing new: ${requests} request each`;
printRows([boundRow(step, Math.min(...milliseconds), GOAL_MS)]);

/** Makes the host follow an image of the registry, as if it had been installed from there. */
async function follow(reference: string): Promise<void> {
  const { origin } = host.layout.deployment(host.bootedId);
  const text = await readFile(origin, 'utf8');
  await writeFile(origin, text.replace(/(?<=unverified-image:).*/, reference));
}
