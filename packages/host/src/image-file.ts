/** Small files of an image. */
import { type DirectoryNode, fileSize, lookupPath, type RegularNode } from '@slipway/composefs';
import { type ByteStream, collectBytes, SlipwayError } from '@slipway/core';

/** Opens the bytes of a regular file of a tree, from wherever its content is. */
export type FileReader = (node: RegularNode) => ByteStream;

const MAX_TEXT_BYTES = 256 * 1024;

/**
 * Text of a file of an image, symlinks followed inside the image; undefined when there is none.
 *
 * @throws SlipwayError IMAGE_NOT_BOOTABLE when it is far too large for what it is
 */
export async function readImageText(
  tree: DirectoryNode,
  path: string,
  read: FileReader,
): Promise<string | undefined> {
  const node = lookupPath(tree, path)?.node;
  if (node?.kind !== 'regular') return undefined;
  const tooLarge = (): SlipwayError =>
    new SlipwayError(
      'IMAGE_NOT_BOOTABLE',
      `cannot read ${path} of the image: it has ${fileSize(node)} bytes`,
    );
  return (await collectBytes(read(node), MAX_TEXT_BYTES, tooLarge)).toString('utf8');
}

/** `PRETTY_NAME` of an image's os-release; undefined when it does not say. */
export async function imagePrettyName(tree: DirectoryNode, read: FileReader): Promise<string | undefined> {
  for (const path of ['/usr/lib/os-release', '/etc/os-release']) {
    const name = osReleaseValue((await readImageText(tree, path, read)) ?? '', 'PRETTY_NAME');
    if (name !== undefined) return name;
  }
  return undefined;
}

/** What an operating system calls itself; undefined what it does not say. */
export interface OsRelease {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
}

/** The same of an image, as bootc reads it. */
export async function imageOsRelease(tree: DirectoryNode, read: FileReader): Promise<OsRelease> {
  const text = (await readImageText(tree, '/usr/lib/os-release', read)) ?? '';
  return {
    id: osReleaseValue(text, 'ID'),
    name: osReleaseValue(text, 'PRETTY_NAME') ?? osReleaseValue(text, 'NAME'),
    version: osReleaseValue(text, 'VERSION_ID') ?? osReleaseValue(text, 'VERSION'),
  };
}

/** The line of the boot menu for a deployment. */
export function deploymentTitle(
  prettyName: string | undefined,
  version: string | undefined,
  id: string,
): string {
  const title = `${prettyName ?? 'Linux'} (${version ?? id.slice(0, 12)})`;
  return title.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').slice(0, 200);
}

/** os-release(5): shell-like assignments, values quoted or not. */
function osReleaseValue(text: string, key: string): string | undefined {
  const line = new RegExp(`^${key}=(?:"(?<double>[^"\\n]*)"|'(?<single>[^'\\n]*)'|(?<bare>\\S*))`, 'm');
  const value = line.exec(text)?.groups;
  const name = value?.['double'] ?? value?.['single'] ?? value?.['bare'];
  return name === '' ? undefined : name;
}
