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
    const name = prettyName((await readImageText(tree, path, read)) ?? '');
    if (name !== undefined) return name;
  }
  return undefined;
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
function prettyName(text: string): string | undefined {
  const value = /^PRETTY_NAME=(?:"(?<double>[^"\n]*)"|'(?<single>[^'\n]*)'|(?<bare>\S*))/m.exec(text)?.groups;
  const name = value?.['double'] ?? value?.['single'] ?? value?.['bare'];
  return name === '' ? undefined : name;
}
