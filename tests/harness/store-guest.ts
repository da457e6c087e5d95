/**
 * What runs inside a virtual machine to try a store there: `import STORE POLICY LAYOUT` or `check STORE`. Bundled into one
 * file, with the addon beside it.
 */
import {
  createBootImage,
  importImage,
  initRepository,
  openRepository,
  type VerityPolicy,
} from '@slipway/composefs';
import { layoutSource, parseReference } from '@slipway/oci';

const [command = '', store = '', policy = '', layout = ''] = process.argv.slice(2);

if (command === 'import') {
  const reference = parseReference(`oci:${layout}:test`);
  if (reference.kind !== 'oci') throw new Error('not a layout');
  await using source = layoutSource(reference);
  const repository = await initRepository(store, { verity: policy as VerityPolicy });
  const resolved = await source.resolve('amd64');
  const startMs = performance.now();
  const imported = await importImage(repository, source, resolved, { cacheDir: `${store}.cache` });
  const { id } = await createBootImage(repository, imported);
  const ms = Math.round(performance.now() - startMs);
  const reused = imported.layers.filter((layer) => layer.reused).length;
  say({ id, reused, newObjects: imported.newObjects, sealing: repository.sealing, ms });
} else {
  const repository = await openRepository(store);
  const findings = await repository.fsck();
  const streams = repository.listStreams().filter((name) => name.startsWith('oci-layer-')).length;
  say({ findings, streams, objects: repository.statistics().objects });
}

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
