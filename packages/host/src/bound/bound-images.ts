/**
 * Images an operating system image is bound to: quadlets linked from `/usr/lib/bootc/bound-images.d` (bootc's logically bound
 * images). They are on the host before an update that needs them is staged.
 */
import { type DirectoryNode, lookupPath, type RegularNode } from '@slipway/composefs';
import { type ByteStream, collectBytes, SlipwayError } from '@slipway/core';

/** Of the image. */
export const BOUND_DIRECTORY = '/usr/lib/bootc/bound-images.d';

const MAX_BOUND = 1000;
const MAX_BYTES = 256 * 1024;

/**
 * The images named by the quadlets of an image, each once, sorted.
 *
 * @param readFile what is in a file of the tree
 * @throws SlipwayError BOUND_IMAGE_INVALID, naming the file and what is wrong with it
 */
export async function boundImages(
  tree: DirectoryNode,
  readFile: (node: RegularNode) => ByteStream,
): Promise<readonly string[]> {
  const directory = lookupPath(tree, BOUND_DIRECTORY)?.node;
  if (directory?.kind !== 'directory') return [];
  const names = [...directory.entries.keys()];
  if (names.length > MAX_BOUND) throw invalid(BOUND_DIRECTORY, `it holds more than ${MAX_BOUND} files`);
  const images: string[] = [];
  for (const name of names) {
    const path = `${BOUND_DIRECTORY}/${name}`;
    const node = lookupPath(tree, path)?.node;
    if (directory.entries.get(name)?.kind !== 'symlink') throw invalid(path, 'it is not a symbolic link');
    if (node?.kind !== 'regular') throw invalid(path, 'it leads to no file');
    const bytes = await collectBytes(readFile(node), MAX_BYTES, () =>
      invalid(path, 'it is too long for a quadlet'),
    );
    images.push(quadletImage(bytes.toString('utf8'), path));
  }
  return [...new Set(images)].toSorted();
}

/**
 * The image a quadlet names (podman-systemd.unit(5)).
 *
 * @param path of the quadlet: `.image` or `.container` says of which section `Image=` is
 * @throws SlipwayError BOUND_IMAGE_INVALID
 */
export function quadletImage(text: string, path: string): string {
  const wanted = path.endsWith('.image') ? 'Image' : path.endsWith('.container') ? 'Container' : undefined;
  if (wanted === undefined) throw invalid(path, 'it is neither a .container nor an .image');
  const values = sectionValues(text, wanted);
  if (values.has('AuthFile'))
    throw invalid(path, 'AuthFile= is not supported', 'keep credentials in /etc/ostree/auth.json');
  const image = values.get('Image') ?? '';
  if (image === '') throw invalid(path, `it has no Image= in [${wanted}]`);
  if (image.includes('%')) throw invalid(path, 'specifiers in Image= are not supported');
  if (/\.(?:image|build)$/.test(image))
    throw invalid(
      path,
      `it names another quadlet, ${image}`,
      'link that one as well, or write the image out',
    );
  if (/[\s\p{Cc}]/u.test(image) || image.startsWith('-'))
    throw invalid(path, 'Image= is no name of an image');
  return image;
}

/** The last value of each key of a section; a backslash at the end of a line goes on with the next. */
function sectionValues(text: string, wanted: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const trimmed = line.trim();
    if (trimmed.startsWith('#') || trimmed.startsWith(';')) continue;
    if (trimmed.startsWith('[')) section = trimmed.slice(1, -1);
    const at = trimmed.indexOf('=');
    if (section === wanted && at > 0) values.set(trimmed.slice(0, at).trim(), trimmed.slice(at + 1).trim());
  }
  return values;
}

function invalid(path: string, why: string, hint?: string): SlipwayError {
  return new SlipwayError('BOUND_IMAGE_INVALID', `cannot use the bound image ${path}: ${why}`, {
    hint: hint ?? 'set it right in the Containerfile and build the image again',
    details: { path },
  });
}
