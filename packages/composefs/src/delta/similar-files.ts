import type { FileContent } from '../tree.ts';
import type { OldFile } from './old-file-list.ts';

/** A file of the old image and its number. */
export interface NumberedFile {
  readonly number: number;
  readonly file: OldFile;
}

/** Of many files with one kind of name, so many are looked at. */
const CANDIDATE_LIMIT = 256;
/** A file of a size that differs by more is not what it is called after. */
const SIZE_RATIO_LIMIT = 16;

/**
 * Old files by what they hold and by what they are called: which of them a new file was most likely made from.
 * Names count without their numbers, for versions are in them: `6.12.41` and `6.12.43`, `libz.so.1.3` and `libz.so.1.4`.
 */
export class SimilarFiles {
  readonly #byContent = new Map<string, NumberedFile[]>();
  readonly #byPath = new Map<string, NumberedFile>();
  readonly #byShape = new Map<string, NumberedFile[]>();
  readonly #byName = new Map<string, NumberedFile[]>();
  #count = 0;

  /** Files come in the order of their numbers; of two at one path the upper layer's counts. */
  add(path: string, file: OldFile): void {
    const numbered = { number: this.#count, file };
    const clean = cleanPath(path);
    this.#count += 1;
    append(this.#byContent, contentKey(file.content), numbered);
    this.#byPath.set(clean, numbered);
    append(this.#byShape, shapeOf(clean), numbered);
    append(this.#byName, shapeOf(nameOf(clean)), numbered);
  }

  /** A file with just this content; the one at `expected` if it is one of several. */
  same(content: FileContent, expected: number): NumberedFile | undefined {
    const files = this.#byContent.get(contentKey(content));
    return files?.find(({ number }) => number === expected) ?? files?.[0];
  }

  /** The file a new one at this path resembles most, by name and size. */
  similar(path: string, sizeBytes: number): NumberedFile | undefined {
    const clean = cleanPath(path);
    const atPath = this.#byPath.get(clean);
    if (atPath !== undefined) return atPath;
    return (
      closest(this.#byShape.get(shapeOf(clean)), sizeBytes) ??
      closest(this.#byName.get(shapeOf(nameOf(clean))), sizeBytes)
    );
  }
}

function closest(files: readonly NumberedFile[] | undefined, sizeBytes: number): NumberedFile | undefined {
  let best: NumberedFile | undefined;
  for (const candidate of (files ?? []).slice(-CANDIDATE_LIMIT)) {
    const size = candidate.file.sizeBytes;
    if (Math.max(size, sizeBytes) > Math.min(size, sizeBytes) * SIZE_RATIO_LIMIT) continue;
    if (best === undefined || Math.abs(size - sizeBytes) < Math.abs(best.file.sizeBytes - sizeBytes))
      best = candidate;
  }
  return best;
}

function append(map: Map<string, NumberedFile[]>, key: string, file: NumberedFile): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [file]);
  else list.push(file);
}

function contentKey(content: FileContent): string {
  const isInline = content.kind === 'inline';
  const bytes = isInline ? content.bytes : (content.digest ?? []);
  return `${content.kind}:${Buffer.from(bytes).toString('latin1')}`;
}

function cleanPath(path: string): string {
  return path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function shapeOf(text: string): string {
  return text.replaceAll(/[0-9]+/g, '0');
}
