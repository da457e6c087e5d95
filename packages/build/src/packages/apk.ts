/** The database of apk, `installed`: paragraphs of `letter:value` lines (Alpine's apk-spec). */
import type { ByteString } from '@slipway/composefs';
import type { ImageFiles } from '../flat-image/image-files.ts';
import { damaged } from './database-error.ts';
import {
  type InstalledPackage,
  LISTED_FILE_LIMIT,
  PACKAGE_LIMIT,
  type PackageReader,
} from './installed-package.ts';

const PLACES: readonly ByteString[] = ['usr/lib/apk/db/installed', 'lib/apk/db/installed'];
const LIMIT_BYTES = 256 * 2 ** 20;

/** Reader of apk's database. */
export const apkReader: PackageReader = {
  kind: 'apk',
  isPart: (path) => PLACES.includes(path),
  read: readApk,
};

async function readApk(files: ImageFiles): Promise<readonly InstalledPackage[] | undefined> {
  for (const place of PLACES) {
    const text = await files.text(place, LIMIT_BYTES);
    if (text !== undefined) return [...parseApkDatabase(text)];
  }
  return undefined;
}

/** The packages of an `installed` file. */
export function* parseApkDatabase(text: string): Generator<InstalledPackage, void, undefined> {
  let count = 0;
  let listed = 0;
  for (const paragraph of text.split('\n\n')) {
    const lines = paragraph.split('\n');
    const field = (letter: string): string =>
      lines.find((line) => line.startsWith(`${letter}:`))?.slice(2) ?? '';
    const name = field('P');
    if (name === '') continue;
    const files = filesOf(lines);
    count += 1;
    listed += files.length;
    if (count > PACKAGE_LIMIT || listed > LISTED_FILE_LIMIT) throw damaged('apk', 'it is too large');
    const source = field('o') === '' ? name : field('o');
    yield { name, version: field('V'), architecture: field('A'), source, updatedBefore: false, files };
  }
}

/** `F:` names a directory, the `R:` lines after it the files in it. */
function filesOf(lines: readonly string[]): readonly ByteString[] {
  const files: ByteString[] = [];
  let directory = '';
  for (const line of lines) {
    if (line.startsWith('F:')) directory = line.slice(2);
    else if (line.startsWith('R:')) files.push(`/${directory}/${line.slice(2)}`);
  }
  return files;
}
