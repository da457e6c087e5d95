/** Carrying an update of the image's default kernel arguments (`kargs.d`) over to a machine's command line. */
import { appendKernelArguments, type KernelCommandLine } from './kernel-command-line.ts';

/** Names no image may set: they belong to the deployment. */
const OWNED_KEYS: ReadonlySet<string> = new Set(['composefs']);

/**
 * Applies the difference between two images' arguments to a command line; what the machine added, changed or removed
 * itself stays.
 *
 * - an argument the new image dropped goes;
 * - an argument it added comes, in the place of one of the same name that goes, else before a machine's own argument of
 *   that name (so that the machine's wins), else at the end;
 * - but not when the machine already replaced or removed every argument of that name the old image had.
 */
export function mergeImageArguments(
  current: KernelCommandLine,
  oldImage: KernelCommandLine,
  newImage: KernelCommandLine,
): KernelCommandLine {
  const removed = textsOf(without(oldImage, newImage));
  const added = without(newImage, oldImage).filter(({ key }) => !decidedLocally(key, current, oldImage));
  const addedTexts = textsOf(added);
  let line = current;
  for (const argument of added) {
    if (line.some(({ text }) => text === argument.text)) continue;
    const sameName = line.findIndex(({ key, text }) => key === argument.key && !addedTexts.has(text));
    line = sameName === -1 ? appendKernelArguments(line, [argument]) : line.toSpliced(sameName, 0, argument);
  }
  return line.filter(({ text }) => !removed.has(text));
}

function textsOf(line: KernelCommandLine): ReadonlySet<string> {
  return new Set(line.map(({ text }) => text));
}

function without(from: KernelCommandLine, other: KernelCommandLine): KernelCommandLine {
  const texts = textsOf(other);
  return from.filter(({ key, text }) => !texts.has(text) && !OWNED_KEYS.has(key));
}

/** The old image had arguments of that name and the machine has none of them any more. */
function decidedLocally(key: string, current: KernelCommandLine, oldImage: KernelCommandLine): boolean {
  const old = oldImage.filter((argument) => argument.key === key);
  const present = textsOf(current);
  return old.length > 0 && !old.some(({ text }) => present.has(text));
}
