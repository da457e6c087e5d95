/** Where the members of a tar archive lie in a file, so that each can be read on its own, in any order, without unpacking. */

import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { SlipwayError } from '@slipway/core';
import { ExtendedHeaders } from '../tar/extended-headers.ts';
import {
  BLOCK_BYTES,
  checkChecksum,
  type HeaderBlock,
  HeaderProblem,
  isZeroBlock,
  nameOf,
  parseHeaderBlock,
  TYPE,
} from '../tar/format.ts';
import { paddingOf } from '../tar/header-writer.ts';
import { tarError } from '../tar/tar-error.ts';

/** A file of an archive: the part of it its bytes are. */
export interface ArchiveMember {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Files by their names, links followed. */
export type ArchiveIndex = ReadonlyMap<string, ArchiveMember>;

/** An image has a few thousand layers at the very most. */
const MAX_MEMBERS = 100_000;
const MAX_EXTENDED_BYTES = 1 << 20;
const MAX_PATH_BYTES = 4095;
/** Legacy Docker archives name a layer they have already by a link to it. */
const MAX_LINKS = 8;

const EXTENSIONS: ReadonlySet<string> = new Set([
  TYPE.paxEntry,
  TYPE.paxEntrySolaris,
  TYPE.paxGlobal,
  TYPE.gnuLongName,
  TYPE.gnuLongLink,
]);
const FILES: ReadonlySet<string> = new Set([TYPE.file, TYPE.oldFile, TYPE.contiguousFile]);

/**
 * Walks over the headers of an archive; bodies are passed over, not read.
 *
 * @throws SlipwayError OCI_TAR_INVALID naming the member, OCI_LAYOUT_INVALID for one with absurdly many
 */
export async function indexArchive(handle: FileHandle, what: string): Promise<ArchiveIndex> {
  const { size: endBytes } = await handle.stat();
  const files = new Map<string, ArchiveMember>();
  const links = new Map<string, string>();
  const extended = new ExtendedHeaders(MAX_PATH_BYTES);
  for (let at = 0; at < endBytes; ) {
    let name: string | undefined;
    try {
      const block = await readBlock(handle, at);
      if (isZeroBlock(block)) break;
      checkChecksum(block);
      name = nameOf(block);
      const header = parseHeaderBlock(block);
      const bodyAt = at + BLOCK_BYTES;
      const storedBytes = EXTENSIONS.has(header.typeFlag)
        ? await collectExtension(handle, bodyAt, header, extended)
        : addMember({ header, bodyAt, endBytes }, extended, { files, links });
      at = bodyAt + storedBytes + paddingOf(storedBytes);
    } catch (error) {
      if (!(error instanceof HeaderProblem)) throw error;
      throw tarError(error.message, at, name);
    }
    if (files.size + links.size > MAX_MEMBERS) {
      throw new SlipwayError(
        'OCI_LAYOUT_INVALID',
        `cannot use ${what}: it has more than ${MAX_MEMBERS} files`,
      );
    }
  }
  return withLinks(files, links);
}

async function readBlock(handle: FileHandle, at: number): Promise<Buffer> {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, at);
  if (bytesRead < BLOCK_BYTES) throw new HeaderProblem('the archive ends inside a header');
  return block;
}

async function collectExtension(
  handle: FileHandle,
  at: number,
  { typeFlag, sizeBytes }: HeaderBlock,
  extended: ExtendedHeaders,
): Promise<number> {
  if (sizeBytes > MAX_EXTENDED_BYTES) throw new HeaderProblem('its extended header is too large');
  const body = Buffer.alloc(sizeBytes);
  const { bytesRead } = await handle.read(body, 0, sizeBytes, at);
  if (bytesRead < sizeBytes) throw new HeaderProblem('the archive ends inside an extended header');
  if (typeFlag === TYPE.paxGlobal) extended.addGlobal(body);
  else if (typeFlag === TYPE.gnuLongName) extended.addLongName(body);
  else if (typeFlag === TYPE.gnuLongLink) extended.addLongLink(body);
  else extended.addPax(body);
  return sizeBytes;
}

/** Takes note of a member; answers how many bytes it stores. */
function addMember(
  place: { readonly header: HeaderBlock; readonly bodyAt: number; readonly endBytes: number },
  extended: ExtendedHeaders,
  found: { readonly files: Map<string, ArchiveMember>; readonly links: Map<string, string> },
): number {
  const { header, bodyAt, endBytes } = place;
  const isFile = FILES.has(header.typeFlag);
  const isLink = header.typeFlag === TYPE.symlink || header.typeFlag === TYPE.hardlink;
  const kind = isFile ? 'file' : header.typeFlag === TYPE.symlink ? 'symlink' : isLink ? 'hardlink' : 'fifo';
  const applied = extended.apply(header, kind);
  if (applied.sparse !== undefined || header.typeFlag === TYPE.gnuSparse) {
    throw new HeaderProblem('it is a sparse file');
  }
  const name = memberName(applied.header.path);
  found.files.delete(name);
  found.links.delete(name);
  if (isLink) {
    const { linkTarget } = applied.header;
    const from = kind === 'symlink' ? posix.dirname(name) : '';
    found.links.set(name, memberName(posix.join(from, linkTarget)));
    return 0;
  }
  if (!isFile) return header.typeFlag === TYPE.directory ? 0 : applied.storedBytes;
  if (bodyAt + applied.storedBytes > endBytes) throw new HeaderProblem('the archive ends inside it');
  found.files.set(name, { offsetBytes: bodyAt, sizeBytes: applied.storedBytes });
  return applied.storedBytes;
}

/** `./index.json` and `index.json` are one file. */
function memberName(path: string): string {
  return posix.normalize(path).replace(/^\.?\/+/, '');
}

function withLinks(files: Map<string, ArchiveMember>, links: ReadonlyMap<string, string>): ArchiveIndex {
  for (const [name, target] of links) {
    let at: string | undefined = target;
    for (let count = 0; count < MAX_LINKS && at !== undefined && !files.has(at); count += 1)
      at = links.get(at);
    const member = at === undefined ? undefined : files.get(at);
    if (member !== undefined) files.set(name, member);
  }
  return files;
}
