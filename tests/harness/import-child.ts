/**
 * Imports an image into a store, to be killed on the way: `node import-child.ts REFERENCE STORE CACHE`. Says `begin`, and starts
 * at once or, where `WAIT` is set, when something comes on standard input.
 */
import { once } from 'node:events';
import { createBootImage, importImage, initRepository } from '@slipway/composefs';
import { openImage, parseReference } from '@slipway/oci';

async function main(): Promise<void> {
  const [reference = '', store = '', cacheDir = ''] = process.argv.slice(2);
  await using source = openImage(parseReference(reference));
  process.stdout.write('begin\n');
  if (process.env['WAIT'] !== undefined) await once(process.stdin, 'data');
  const repository = await initRepository(store);
  const resolved = await source.resolve('amd64');
  await createBootImage(repository, await importImage(repository, source, resolved, { cacheDir }));
  process.stdout.write('end\n');
  process.stdin.destroy();
}

void main();
