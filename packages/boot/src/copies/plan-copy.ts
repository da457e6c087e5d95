/** Making one boot partition like another, in an order in which it starts a machine at every step. */
import { dirname } from 'node:path';
import { parseEntryName } from '../entry-name.ts';
import { ESP_PATHS } from '../esp.ts';
import { KERNELS, kernelNaming } from '../kernel-directory.ts';
import type { EspContents, EspFile, EspFiles } from './esp-contents.ts';

/** One durable change; paths from the root of the partition. */
export type CopyStep =
  | { readonly kind: 'write'; readonly path: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'remove-kernel'; readonly directory: string };

/**
 * What makes `target` hold every file of `source`, and neither entries nor kernels that `source` lacks. Whatever else somebody put there
 * stays.
 *
 * A cut after any step leaves entries both have, or all that were there and some new ones, each with its kernel: kernels come before the
 * entries that name them and go after. Entries that are over go first where that leaves one to start, because two sets of kernels may not
 * fit beside each other.
 */
export function planCopy(
  { files: source, started }: EspContents,
  { files: target }: EspContents,
): readonly CopyStep[] {
  const different = [...source.entries()].filter(([key, file]) => !isSame(file, target.get(key)));
  const writes = different
    .toSorted(([a], [b]) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))
    .map(([, { path }]): CopyStep => ({ kind: 'write', path }));
  const extra = entriesOf(target).filter(({ path }) => !source.has(path.toLowerCase()));
  const known = entriesOf(source);
  const isKept = (entry: EspFile): boolean => known.some((each) => isSameEntry(each, entry));
  const over = extra.filter((entry) => !isKept(entry));
  const renamed = extra.filter(isKept);
  // One that was lost on the source alone is the last there is.
  const needed = [...source.keys(), ...started];
  const kernels = kernelsOf(target).filter(
    (each) => !needed.some((path) => path.startsWith(`${each.toLowerCase()}/`)),
  );
  const ends = [
    ...over.map(({ path }): CopyStep => ({ kind: 'remove', path })),
    ...kernels.map((directory): CopyStep => ({ kind: 'remove-kernel', directory })),
  ];
  const old = renamed.map(({ path }): CopyStep => ({ kind: 'remove', path }));
  const canStart = entriesOf(target).some((entry) => isKept(entry) && hasAttempts(entry));
  return canStart ? [...ends, ...writes, ...old] : [...writes, ...old, ...ends];
}

/** In words, for people: what of `target` is not as on `source`. */
export function copyDifferences(source: EspContents, target: EspContents): readonly string[] {
  return planCopy(source, target).map((step) => {
    if (step.kind === 'remove-kernel') return `${step.directory} is left over`;
    if (step.kind === 'remove') return `${step.path} is left over`;
    return `${step.path} ${target.files.has(step.path.toLowerCase()) ? 'differs' : 'is missing'}`;
  });
}

/** Kernels and boot loaders first, then settings, then entries, then the menu of GRUB, which is made of them. */
function rankOf(path: string): number {
  if (path.startsWith('grub/')) return 3;
  if (path.startsWith(`${ESP_PATHS.entries}/`)) return 2;
  return path.startsWith('loader/') ? 1 : 0;
}

function isSame(a: EspFile, b: EspFile | undefined): boolean {
  return a.sizeBytes === b?.sizeBytes && a.sum === b.sum;
}

/** Whatever is left of its attempts. */
function isSameEntry(a: EspFile, b: EspFile): boolean {
  return nameOf(a)?.base === nameOf(b)?.base && isSame(a, b);
}

function hasAttempts(entry: EspFile): boolean {
  return nameOf(entry)?.counter?.triesLeft !== 0;
}

function nameOf({ path }: EspFile): ReturnType<typeof parseEntryName> {
  return parseEntryName(path.slice(ESP_PATHS.entries.length + 1));
}

function entriesOf(files: EspFiles): readonly EspFile[] {
  return [...files.entries()]
    .filter(([key]) => dirname(key) === ESP_PATHS.entries && key.endsWith('.conf'))
    .map(([, file]) => file);
}

/** Directories of kernels, as they are written. */
function kernelsOf(files: EspFiles): readonly string[] {
  const directories = [...files.values()].map(({ path }) => dirname(path));
  return [...new Set(directories)].filter(
    (directory) =>
      dirname(directory) === KERNELS && kernelNaming(directory.slice(KERNELS.length + 1)) !== undefined,
  );
}
