/**
 * Imports an image into a store and makes the image a host boots, in a process of its own so that its memory can be told:
 * `node import-once.ts REFERENCE STORE CACHE`.
 */
import { createBootImage, importImage, initRepository } from '@slipway/composefs';
import { openImage, parseReference } from '@slipway/oci';
import { report } from './compare.ts';

const [image = '', store = '', cacheDir = ''] = process.argv.slice(2);
await report(async () => {
  await using source = openImage(parseReference(image));
  const repository = await initRepository(store);
  const imported = await importImage(repository, source, await source.resolve('amd64'), { cacheDir });
  await createBootImage(repository, imported);
});
