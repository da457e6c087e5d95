/**
 * Brings an image into a store that has the version before, with or without its delta, in a process of its own so that its memory
 * can be told: `node delta-once.ts REFERENCE STORE CACHE delta|whole`.
 */
import { importImage, openRepository } from '@slipway/composefs';
import { openImage, parseReference } from '@slipway/oci';
import { report } from './compare.ts';

const [image = '', store = '', cacheDir = '', way = ''] = process.argv.slice(2);
await report(async () => {
  const reference = parseReference(image);
  await using source = openImage(reference);
  const deltas = way === 'delta' ? { deltasBeside: reference } : {};
  const repository = await openRepository(store);
  await importImage(repository, source, await source.resolve('amd64'), { cacheDir, ...deltas });
});
