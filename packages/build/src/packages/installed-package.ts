import type { ByteString } from '@slipway/composefs';
import type { ImageFiles } from '../flat-image/image-files.ts';

/** The databases that are understood. */
export type DatabaseKind = 'dpkg' | 'rpm' | 'apk' | 'pacman';

/** A package as the database of its image describes it. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** What it was built from: packages of one source change together. */
  readonly source: string;
  /** Whether it was updated since its distribution was released, so that it may be again; false where that cannot be told. */
  readonly updatedBefore: boolean;
  /** Paths it brought, as it names them (absolute or not, through symlinks or not), directories perhaps among them. */
  readonly files: readonly ByteString[];
}

/** Reads one kind of database. */
export interface PackageReader {
  readonly kind: DatabaseKind;
  /** Whether a file of an image can be part of the database: what to keep while layers pass. `path` has no leading slash. */
  isPart(path: ByteString): boolean;
  /**
   * The packages; undefined when the image has no such database.
   *
   * @throws SlipwayError PACKAGE_DATABASE_INVALID when it is damaged, or larger than any distribution is
   */
  read(files: ImageFiles): Promise<readonly InstalledPackage[] | undefined>;
}

/** What an image has of databases. */
export interface PackageDatabase {
  readonly kind: DatabaseKind;
  readonly packages: readonly InstalledPackage[];
}

/** No distribution has as many packages. */
export const PACKAGE_LIMIT: number = 200_000;
/** Files of all packages together. */
export const LISTED_FILE_LIMIT: number = 10_000_000;
