import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { digestAlgorithm, digestHex } from '../digest.ts';
import type { Digest } from '../image.ts';

/** Annotation that names an image in `index.json` (image-spec annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** An entry is some 300 bytes, and no index has more than 65,536 of them (`indexSchema`). */
export const MAX_INDEX_BYTES: number = 32 * 2 ** 20;

/** Where a layout keeps a blob (image-spec image-layout.md). */
export function blobPath(directory: string, digest: Digest): string {
  return join(directory, 'blobs', digestAlgorithm(digest), digestHex(digest));
}

/** `index.json` as it stands there: entries keep every field, known or not, so that writing it back loses nothing. */
export interface LayoutIndex {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly entries: readonly Readonly<Record<string, unknown>>[];
}

/** The index of a layout that has no image yet. */
export const EMPTY_INDEX: LayoutIndex = { fields: { schemaVersion: 2 }, entries: [] };

/**
 * Reads `oci-layout` and `index.json`; undefined when the directory has neither.
 *
 * @throws SlipwayError OCI_LAYOUT_INVALID
 */
export async function readLayoutIndex(directory: string): Promise<LayoutIndex | undefined> {
  const marker = await readDocument(directory, 'oci-layout');
  const index = await readDocument(directory, 'index.json');
  if (marker === undefined && index === undefined) return undefined;
  return await checkedIndex(`oci:${directory}`, marker, index);
}

/** The same for whoever is going to write: a layout whose making was cut short has no index yet, and so no image. */
export async function readLayoutToWrite(directory: string): Promise<LayoutIndex | undefined> {
  const index = await readDocument(directory, 'index.json');
  if (index === undefined) return undefined;
  return await checkedIndex(`oci:${directory}`, await readDocument(directory, 'oci-layout'), index);
}

/**
 * The same from the bytes of the two files, wherever they are.
 *
 * @param name of the whole, in errors: `oci-archive:/srv/os.tar`
 * @throws SlipwayError OCI_LAYOUT_INVALID
 */
export async function parseLayoutIndex(
  name: string,
  marker: Buffer | undefined,
  index: Buffer | undefined,
): Promise<LayoutIndex> {
  const parse = (file: string, bytes: Buffer | undefined): unknown =>
    bytes === undefined ? undefined : parseDocument(name, file, bytes);
  return await checkedIndex(name, parse('oci-layout', marker), parse('index.json', index));
}

async function checkedIndex(name: string, marker: unknown, index: unknown): Promise<LayoutIndex> {
  const { check, indexSchema, layoutSchema } = await import('../manifest-schema.ts');
  const isLayout = check(layoutSchema, marker);
  if (!isLayout.ok) throw invalid(name, 'its oci-layout is missing or of another version');
  if (index === undefined) throw invalid(name, 'its index.json is missing');
  const checked = check(indexSchema, index);
  if (!checked.ok) throw invalid(name, `its index.json: ${checked.problem}`);
  const { manifests, ...fields } = index as { manifests: Record<string, unknown>[] };
  return { fields, entries: manifests };
}

/** `index.json` as text, in the form this project writes. */
export function formatLayoutIndex(index: LayoutIndex): string {
  return `${JSON.stringify({ ...index.fields, manifests: index.entries })}\n`;
}

async function readDocument(directory: string, name: string): Promise<unknown> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(directory, name));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw new SlipwayError('IO_FAILED', `cannot read ${join(directory, name)}: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (bytes.length > MAX_INDEX_BYTES) throw invalid(`oci:${directory}`, `its ${name} is too large`);
  return parseDocument(`oci:${directory}`, name, bytes);
}

function parseDocument(whole: string, name: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid(whole, `its ${name} is not JSON`, cause);
  }
}

/**
 * Opens a blob and says how long it is.
 *
 * @throws SlipwayError OCI_NOT_FOUND, OCI_LAYOUT_INVALID when it is not a regular file
 */
export async function openBlobFile(
  directory: string,
  digest: Digest,
  hint: string = 'the layout is incomplete: copy the image into it again',
): Promise<{ readonly handle: FileHandle; readonly sizeBytes: number }> {
  const path = blobPath(directory, digest);
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a named pipe planted there would hold us for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT')
      throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
    throw new SlipwayError('OCI_NOT_FOUND', `cannot find the blob ${digest} in oci:${directory}`, {
      hint,
      details: { digest },
      cause,
    });
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, sizeBytes: stats.size };
  await handle.close();
  throw invalid(`oci:${directory}`, `the blob ${digest} is not a file`);
}

function invalid(name: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_LAYOUT_INVALID', `cannot use ${name}: ${problem}`, {
    hint: 'name the directory or archive that holds oci-layout, index.json and blobs',
    cause,
  });
}
