import type { ByteString } from '@slipway/composefs';
import type { ImageFiles } from '../flat-image/image-files.ts';
import { apkReader } from './apk.ts';
import { dpkgReader } from './dpkg.ts';
import type { PackageDatabase, PackageReader } from './installed-package.ts';
import { pacmanReader } from './pacman.ts';
import { rpmReader } from './rpm.ts';

const READERS: readonly PackageReader[] = [dpkgReader, rpmReader, apkReader, pacmanReader];

/** Whether a file of an image can be part of a package database; `path` as archived. */
export function isDatabaseFile(path: ByteString): boolean {
  const plain = path.replace(/^(\.?\/)+/, '');
  return READERS.some((reader) => reader.isPart(plain));
}

/**
 * The packages of an image, of every database it has; mostly there is one.
 *
 * @throws SlipwayError PACKAGE_DATABASE_INVALID
 */
export async function readPackages(files: ImageFiles): Promise<readonly PackageDatabase[]> {
  const found: PackageDatabase[] = [];
  for (const reader of READERS) {
    const packages = await reader.read(files);
    if (packages !== undefined) found.push({ kind: reader.kind, packages });
  }
  return found;
}
