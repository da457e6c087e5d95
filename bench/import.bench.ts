/**
 * Importing an image, against the tools that do the same, in the same run on the same image.
 *
 *     node bench/import.bench.ts
 *
 * Nothing is removed before the end: ext4 is slow to use again what was removed a moment ago. It takes some 15 GB in the temporary directory.
 */
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { openImage, parseReference } from '@slipway/oci';
import { startFaultProxy } from '../tests/harness/fault-proxy.ts';
import { prepareReference, referenceCommand } from '../tests/harness/reference-composefs.ts';
import { startRegistry } from '../tests/harness/registry.ts';
import { compare, type Timing, timeHere, timeProgram, timeScript, together } from './compare.ts';
import { debianImage, TAG } from './debian-image.ts';
import { freshPlaces } from './fresh-places.ts';
import { addNextLayer, NEXT_TAG } from './next-layer.ts';
import { boundRow, printRows, type Row } from './rows.ts';

const ROUNDS = 2;

await prepareReference();
await using dir = await makeTempDir('bench');
const layout = await debianImage();
const local = `oci:${layout}:${TAG}`;
await using registry = await startRegistry();
const remote = `docker://${registry.hostPort}/bench:${TAG}`;
await run(['skopeo', 'copy', '--dest-tls-verify=false', local, remote], { describe: 'push the image' });

const place = freshPlaces(dir.path);

async function importImage(image: string): Promise<Timing> {
  const at = await place();
  return await timeScript('import-once.ts', [image, join(at, 'store'), join(at, 'cache')]);
}

async function umociAndMkcomposefs(): Promise<Timing> {
  const at = await place();
  const unpack = await timeProgram(['umoci', 'unpack', '--image', `${layout}:${TAG}`, `${at}/bundle`]);
  const store = referenceCommand('mkcomposefs', [
    `--digest-store=${at}/store`,
    `${at}/bundle/rootfs`,
    `${at}/image`,
  ]);
  return together(unpack, await timeProgram(store));
}

async function podmanPull(): Promise<Timing> {
  const at = await place();
  const storage = ['--root', `${at}/root`, '--runroot', `${at}/run`, '--storage-driver', 'overlay'];
  return await timeProgram(['podman', ...storage, 'pull', '--quiet', local]);
}

const ours = () => importImage(local);
process.stdout.write('import: an OCI layout of Debian, six gzip layers\n');
await compare([
  {
    step: 'layout to store and image',
    peer: 'umoci unpack + mkcomposefs --digest-store',
    theirs: umociAndMkcomposefs,
    ours,
    rounds: ROUNDS,
    goal: 0.33,
  },
  {
    step: 'the same',
    peer: 'podman pull, overlay',
    theirs: podmanPull,
    ours,
    rounds: ROUNDS,
    goal: 1,
  },
  {
    step: 'the same',
    peer: 'unavoidable work alone',
    theirs: async () => timeScript('unavoidable.ts', [local, join(await place(), 'bytes')]),
    ours,
    rounds: ROUNDS + 1,
    goal: 2,
  },
  {
    step: 'pull from a registry',
    peer: 'our import of the layout',
    theirs: ours,
    ours: () => importImage(remote),
    rounds: ROUNDS + 1,
    goal: 1.1,
  },
]);
printRows([await secondDeployment(), await checkForUpdate()]);

/** The same image with a layer more, which holds a twentieth of its files anew. */
async function secondDeployment(): Promise<Row> {
  const at = await place();
  const next = await addNextLayer(layout, join(at, 'next'));
  const [store, cache] = [join(at, 'store'), join(at, 'cache')];
  await timeScript('import-once.ts', [local, store, cache]);
  const { wallMs } = await timeScript('import-once.ts', [`oci:${next}:${NEXT_TAG}`, store, cache]);
  return boundRow('second deployment, sharing 95 % of its files', wallMs, 2000);
}

/** What a look for an update costs when there is none. */
async function checkForUpdate(): Promise<Row> {
  await using proxy = await startFaultProxy(registry.hostPort);
  await using source = openImage(parseReference(`${proxy.hostPort}/bench:${TAG}`));
  const { wallMs } = await timeHere(() => source.resolveDigest());
  return boundRow(`look for an update, nothing new: ${proxy.requests.length} request`, wallMs, 150);
}
