/**
 * Only what no import can do without, in the plainest way: decompress every layer, hash it packed and unpacked, measure every file by
 * fs-verity, write every file's bytes once, into one file, and have them on the disk. `node unavoidable.ts LAYOUT:TAG OUTPUT`.
 */
import { open } from 'node:fs/promises';
import { VerityHasher } from '@slipway/composefs';
import { openImage, openLayer, parseReference, readTar } from '@slipway/oci';
import { report } from './compare.ts';

const [image = '', output = ''] = process.argv.slice(2);
await report(async () => {
  await using source = openImage(parseReference(image));
  const resolved = await source.resolve('amd64');
  await using file = await open(output, 'w');
  for (const index of resolved.manifest.layers.keys()) {
    for await (const entry of readTar(openLayer(source, resolved, index, { cacheDir: '' }))) {
      if (entry.kind !== 'file') continue;
      const hasher = new VerityHasher('sha256', { keepTree: false });
      const pieces: Uint8Array[] = [];
      let heldBytes = 0;
      for await (const piece of entry.body) {
        hasher.update(piece);
        pieces.push(piece);
        heldBytes += piece.length;
        if (heldBytes > 4 * 1024 * 1024) {
          await file.writev(pieces.splice(0));
          heldBytes = 0;
        }
      }
      if (pieces.length > 0) await file.writev(pieces);
      hasher.finish();
    }
  }
  await file.sync();
});
