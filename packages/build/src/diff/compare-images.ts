import {
  type DirectoryNode,
  type LayerEntry,
  lookupDirectory,
  lookupPath,
  MODULES_DIRECTORY,
  type RegularNode,
} from '@slipway/composefs';
import { type ByteStream, type OperationOptions, operation } from '@slipway/core';
import { type Digest, type ImageSource, openImage, type Reference, type ResolvedImage } from '@slipway/oci';
import { BodySpool } from '../flat-image/body-spool.ts';
import { type FlatImage, flattenImage } from '../flat-image/flatten-image.ts';
import { ImageFiles } from '../flat-image/image-files.ts';
import { readPackages } from '../packages/read-packages.ts';
import { ContentIntake } from './content-intake.ts';
import { type DownloadCost, downloadCost } from './download-cost.ts';
import { type FileChange, type FileChangeKind, fileChanges } from './file-changes.ts';
import { type PackageDifference, packageDifference } from './package-changes.ts';

/** Reads the kernel arguments an image brings, one text each; what they mean is known further up. */
export type KernelArgumentReader = (
  tree: DirectoryNode,
  architecture: string,
  read: (node: RegularNode) => ByteStream,
) => Promise<readonly string[]>;

/** What {@link compareImages} is asked for. */
export interface CompareRequest {
  readonly from: Reference;
  readonly to: Reference;
  /** As Go writes it. */
  readonly architecture: string;
  /** Without it, kernel arguments are not compared. */
  readonly readKernelArguments?: KernelArgumentReader;
  /** Hears of every name that is not the same. */
  readonly onFile?: (change: FileChange) => void;
}

/** One of the two images. */
export interface ComparedImage {
  readonly image: string;
  readonly digest: Digest;
  readonly created: string | undefined;
  /** Compressed layers together. */
  readonly sizeBytes: number;
}

/** Names that changed in one way. */
export interface FileCount {
  readonly count: number;
  /** Lengths of the files among them. */
  readonly sizeBytes: number;
}

/** Texts one image has and the other has not. */
export interface TextDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** A label that is not the same. */
export interface LabelChange {
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** How two images differ. */
export interface ImageDifference {
  readonly from: ComparedImage;
  readonly to: ComparedImage;
  readonly packages: PackageDifference;
  readonly files: Readonly<Record<FileChangeKind, FileCount>>;
  /** Versions of kernels that can be booted. */
  readonly kernels: { readonly from: readonly string[]; readonly to: readonly string[] };
  readonly kernelArguments: TextDifference | undefined;
  readonly labels: readonly LabelChange[];
  readonly download: DownloadCost;
}

/**
 * Compares two images: packages, files, kernel, kernel arguments, labels, and what the way from one to the other costs.
 * Layers pass once; one both images have is read once.
 *
 * @throws SlipwayError what {@link flattenImage} throws, PACKAGE_DATABASE_INVALID, KERNEL_ARGUMENT_INVALID
 */
export async function compareImages(
  request: CompareRequest,
  options: OperationOptions = {},
): Promise<ImageDifference> {
  const work = { ...options, ...operation(options) };
  await using bodies = await BodySpool.open();
  await using fromSource = openImage(request.from);
  await using toSource = openImage(request.to);
  const fromImage = await fromSource.resolve(request.architecture, work);
  const toImage = await toSource.resolve(request.architecture, work);
  const contents = new ContentIntake(bodies);
  const known = new Map<Digest, readonly LayerEntry[]>();
  const reading = { ...work, cacheDir: bodies.path, known };
  const from = await flattenImage(fromSource, fromImage, contents.first, reading);
  const to = await flattenImage(toSource, toImage, contents.second, reading);
  return {
    from: compared(fromSource, fromImage),
    to: compared(toSource, toImage),
    packages: packageDifference(await packagesOf(from, bodies), await packagesOf(to, bodies)),
    files: countChanges(fileChanges(from.tree, to.tree), request.onFile),
    kernels: { from: kernelVersions(from.tree), to: kernelVersions(to.tree) },
    kernelArguments: await kernelArguments(request, from, to, bodies),
    labels: labelChanges(fromImage.config.labels, toImage.config.labels),
    download: await downloadCost(from, to, request.to, contents, work),
  };
}

function compared(source: ImageSource, image: ResolvedImage): ComparedImage {
  const sizeBytes = image.manifest.layers.reduce((sum, { size }) => sum + size, 0);
  return { image: source.name, digest: image.referenceDigest, created: image.config.created, sizeBytes };
}

async function packagesOf(flat: FlatImage, bodies: BodySpool): ReturnType<typeof readPackages> {
  return await readPackages(new ImageFiles(flat.tree, bodies));
}

function countChanges(
  changes: Iterable<FileChange>,
  onFile: ((change: FileChange) => void) | undefined,
): Readonly<Record<FileChangeKind, FileCount>> {
  const nothing = (): { count: number; sizeBytes: number } => ({ count: 0, sizeBytes: 0 });
  const counts = { added: nothing(), removed: nothing(), changed: nothing(), times: nothing() };
  for (const change of changes) {
    counts[change.kind].count += 1;
    counts[change.kind].sizeBytes += change.sizeBytes;
    onFile?.(change);
  }
  return counts;
}

function kernelVersions(tree: DirectoryNode): readonly string[] {
  return [...(lookupDirectory(tree, MODULES_DIRECTORY)?.entries.keys() ?? [])]
    .filter((name) => lookupPath(tree, `${MODULES_DIRECTORY}/${name}/vmlinuz`) !== undefined)
    .sort();
}

async function kernelArguments(
  { readKernelArguments, architecture }: CompareRequest,
  from: FlatImage,
  to: FlatImage,
  bodies: BodySpool,
): Promise<TextDifference | undefined> {
  if (readKernelArguments === undefined) return undefined;
  const read = (node: RegularNode): ByteStream => bodies.read(node);
  const before = await readKernelArguments(from.tree, architecture, read);
  const after = await readKernelArguments(to.tree, architecture, read);
  return {
    added: after.filter((text) => !before.includes(text)),
    removed: before.filter((text) => !after.includes(text)),
  };
}

function labelChanges(
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): readonly LabelChange[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names
    .filter((name) => from[name] !== to[name])
    .map((name) => ({ name, from: from[name], to: to[name] }));
}
