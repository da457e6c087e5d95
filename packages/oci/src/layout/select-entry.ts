import { SlipwayError } from '@slipway/core';
import { parseDigest } from '../digest.ts';
import type { Descriptor } from '../image.ts';
import { type LayoutIndex, REF_NAME } from './layout-files.ts';

/** One entry of `index.json`, in our words. */
interface Entry {
  readonly descriptor: Descriptor;
  readonly tag: string | undefined;
}

/**
 * The entry of `index.json` a reference names; without a tag, the only one there is.
 *
 * @param name names the reference in errors
 * @param architecture tells entries of one name apart
 * @throws SlipwayError OCI_NOT_FOUND, OCI_LAYOUT_INVALID when there are several
 */
export function selectEntry(
  index: LayoutIndex,
  tag: string | undefined,
  name: string,
  architecture: string | undefined,
): Descriptor {
  const entries = index.entries.map(toEntry);
  const named = entries.filter((entry) => (tag === undefined ? !isAttached(entry) : entry.tag === tag));
  // A layout may hold one name for several machines.
  const fitting = named.filter(
    ({ descriptor: { platform } }) =>
      architecture === undefined || platform === undefined || platform.architecture === architecture,
  );
  const [first, ...others] = fitting.length === 0 ? named : fitting;
  if (first !== undefined && others.every((other) => other.descriptor.digest === first.descriptor.digest)) {
    return first.descriptor;
  }
  const tags = [...new Set(entries.flatMap((entry) => entry.tag ?? []))].toSorted();
  const hint =
    tags.length === 0
      ? 'the layout has no tags'
      : `the layout has these tags: ${tags.slice(0, 30).join(', ')}`;
  throw first === undefined
    ? new SlipwayError('OCI_NOT_FOUND', `cannot find an image at ${name}`, { hint })
    : new SlipwayError('OCI_LAYOUT_INVALID', `cannot choose between ${others.length + 1} images at ${name}`, {
        hint,
      });
}

/** What is stored beside an image under a tag made of its digest is no image: signatures, bundles. */
function isAttached({ tag }: Entry): boolean {
  return tag !== undefined && /(?:^|:)sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})(?:\.\w+)?$/.test(tag);
}

/** The schema has been checked when the index was read. */
function toEntry(entry: Readonly<Record<string, unknown>>): Entry {
  const json = entry as {
    mediaType: string;
    digest: string;
    size: number;
    annotations?: Record<string, string> | null;
    platform?: { architecture: string; os: string } | null;
  };
  const descriptor: Descriptor = {
    mediaType: json.mediaType,
    digest: parseDigest(json.digest),
    size: json.size,
    ...(json.platform ? { platform: json.platform } : {}),
  };
  return { descriptor, tag: json.annotations?.[REF_NAME] };
}
