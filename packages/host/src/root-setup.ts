/**
 * What an image says of how its root is put together: `/usr/lib/composefs/setup-root-conf.toml`, the file of bootc's composefs backend.
 *
 * The initramfs reads it by the means of a shell (`os/libexec/mount-state`): a setting a line. What it could not read would not boot, so
 * the same is refused here before an image is staged or put on a disk.
 */
import type { DirectoryNode } from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import { type FileReader, readImageText } from './image-file.ts';

/** Where it is. */
export const ROOT_SETUP_PATH = '/usr/lib/composefs/setup-root-conf.toml';

/** What becomes of what is written below a directory. */
export type Keeping =
  /** It stays, and in `/etc` it is merged with the next image's. */
  | 'kept'
  /** It is in memory, and gone with the next boot. */
  | 'transient'
  /** Nothing can be written. */
  | 'none';

/** How a root is put together. */
export interface RootSetup {
  readonly root: 'read-only' | 'transient';
  readonly etc: Keeping;
  readonly var: Keeping;
}

const KINDS: Readonly<Record<string, Keeping>> = {
  none: 'none',
  bind: 'kept',
  overlay: 'kept',
  transient: 'transient',
};
const LINE =
  /^[ \t]*(?:\[(?<section>[^\] \t=]+)\]|(?<key>[^ \t=#[]+)[ \t]*=[ \t]*(?<value>[^ \t=#]+))?[ \t]*(?:#.*)?$/;
const SECTIONS: ReadonlySet<string> = new Set(['root', 'etc', 'var']);

/**
 * How the root of an image is put together.
 *
 * @throws SlipwayError IMAGE_NOT_BOOTABLE when the initramfs could not read it
 */
export async function imageRootSetup(tree: DirectoryNode, read: FileReader): Promise<RootSetup> {
  return parseRootSetup((await readImageText(tree, ROOT_SETUP_PATH, read)) ?? '', ROOT_SETUP_PATH);
}

/**
 * Reads the file. Sections of others are passed over; in its own a setting that is not known is an error.
 *
 * @param path for errors
 */
export function parseRootSetup(text: string, path: string): RootSetup {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.split('\n')) {
    const groups = LINE.exec(line)?.groups;
    if (groups === undefined) throw invalid(path, line);
    section = groups['section'] ?? section;
    const { key, value } = groups;
    if (key === undefined || value === undefined) continue;
    const [table = ''] = section.split('.');
    if (section !== '' && !SECTIONS.has(table)) continue;
    if (!isSetting(`${section}.${key}`, value)) throw invalid(path, line);
    values.set(`${section}.${key}`, value);
  }
  const keeping = (name: string): Keeping => {
    const mount = KINDS[unquoted(values.get(`${name}.mount`) ?? '') ?? ''];
    return mount ?? (values.get(`${name}.transient`) === 'true' ? 'transient' : 'kept');
  };
  const root = values.get('root.transient') === 'true' ? 'transient' : 'read-only';
  return { root, etc: keeping('etc'), var: keeping('var') };
}

function isSetting(name: string, value: string): boolean {
  if (['root.transient', 'etc.transient', 'var.transient'].includes(name))
    return value === 'true' || value === 'false';
  return ['etc.mount', 'var.mount'].includes(name) && Object.hasOwn(KINDS, unquoted(value) ?? '');
}

function unquoted(value: string): string | undefined {
  return /^(?<quote>["'])(?<text>[^"']*)\k<quote>$/.exec(value)?.groups?.['text'];
}

function invalid(path: string, line: string): SlipwayError {
  return new SlipwayError(
    'IMAGE_NOT_BOOTABLE',
    `cannot boot the image: ${path} has a line that is not understood: ${JSON.stringify(line.slice(0, 120))}`,
    {
      hint: 'a setting a line: transient = true in [root]; mount = "transient", "bind" or "none" in [etc] and [var]',
    },
  );
}
