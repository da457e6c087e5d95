import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { writeTar } from '@slipway/oci';
import { bytesOf, member } from '../packages/composefs/src/import/testing.ts';
import { Random } from '../packages/composefs/src/testing/random-dump.ts';
import { TAG } from './debian-image.ts';

/** What tags the image with a layer more. */
export const NEXT_TAG = 'next';

/** A twentieth of the files of the Debian image, of their usual length. */
const FILES = 1700;
const LONGEST_BYTES = 60_000;

/** A copy of a layout, its blobs hard links, with another image beside the one there: the same and a layer of new files. */
export async function addNextLayer(layout: string, copy: string): Promise<string> {
  await run(['cp', '-al', layout, copy], { describe: 'copy the layout' });
  // The index is written anew, which must not show through.
  const index = join(copy, 'index.json');
  await rm(index);
  await copyFile(join(layout, 'index.json'), index);
  await using work = await makeTempDir('layer');
  const archive = join(work.path, 'layer.tar');
  const random = new Random(1);
  const members = Array.from({ length: FILES }, (_, number) =>
    member(`usr/share/next/${number}`, {
      bytes: Buffer.from(random.hex(random.below(LONGEST_BYTES)), 'latin1'),
    }),
  );
  await writeFile(archive, await bytesOf(writeTar([member('usr/share/next/'), ...members])));
  await run(['umoci', 'raw', 'add-layer', '--image', `${copy}:${TAG}`, '--tag', NEXT_TAG, archive], {
    describe: 'add a layer',
  });
  return copy;
}
