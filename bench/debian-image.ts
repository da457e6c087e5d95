/** The Debian image imports are measured with, made once and kept under build/cache/bench. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { baseImage } from '../tests/harness/images.ts';
import { CACHE, ROOT, slipway } from '../tests/harness/slipway.ts';

const DIRECTORY = `${CACHE}/bench`;
/** What tags the image in its layout. */
export const TAG = 'debian';

/** An OCI layout with one image of several gzip layers, about 50,000 entries and 460 MB; its tag is {@link TAG}. */
export async function debianImage(): Promise<string> {
  const layout = join(DIRECTORY, 'debian');
  if (existsSync(layout)) return layout;
  await mkdir(DIRECTORY, { recursive: true });
  await using work = await makeTempDir('build', DIRECTORY);
  const built = `oci:${join(work.path, 'built')}:${TAG}`;
  const base = await baseImage('trixie', say);
  const context = `${ROOT}/bench/debian`;
  const file = `${context}/Containerfile`;
  await slipway(['build', '-f', file, '--build-arg', `BASE=${base}`, '-t', built, context], { onLine: say });
  // Every layer gzip, as nearly all images are: layers of the base come as zstd.
  const plain = `dir:${join(work.path, 'plain')}`;
  const packed = join(work.path, 'debian');
  await copy('--dest-decompress', built, plain);
  await copy('--dest-compress', '--dest-compress-format', 'gzip', plain, `oci:${packed}:${TAG}`);
  await rm(layout, { recursive: true, force: true });
  await rename(packed, layout);
  return layout;
}

async function copy(...args: readonly string[]): Promise<void> {
  await run(['skopeo', 'copy', ...args], { describe: 'pack the layers of the image anew' });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
