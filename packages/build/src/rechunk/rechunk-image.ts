import { makeLargeTempDir, type OperationOptions, operation } from '@slipway/core';
import {
  copyImage,
  type Descriptor,
  type Digest,
  layoutSource,
  openImage,
  openLayoutWriter,
  openTarget,
  type Reference,
  writeTar,
} from '@slipway/oci';
import { BodySpool } from '../flat-image/body-spool.ts';
import { flattenImage } from '../flat-image/flatten-image.ts';
import { ImageFiles } from '../flat-image/image-files.ts';
import { readPackages } from '../packages/read-packages.ts';
import { contentGroups } from './content-group.ts';
import { fileOwners } from './file-owners.ts';
import { directoryMembers, layerMembers } from './layer-archive.ts';
import { type EarlierPlaces, planLayers } from './layer-plan.ts';
import { earlierPlaces } from './rechunk-documents.ts';
import {
  type EarlierLayers,
  type ImageToWrite,
  type LayerArchive,
  type RechunkFormat,
  type RechunkReport,
  writeRechunked,
} from './write-rechunked.ts';

/** What {@link rechunkImage} is asked for. */
export interface RechunkRequest {
  readonly image: Reference;
  /** Where the new image goes. */
  readonly output: Reference;
  /** An earlier version, rechunked: what did not change keeps its layers. */
  readonly previous?: Reference;
  /** As Go writes it. */
  readonly architecture: string;
  /** Default: 96. */
  readonly maxLayers?: number;
  /**
   * Time, in seconds since 1970, of directories and of files of no package. Every build gives them the time of the build, and a
   * layer with a file whose time is new is a new layer. Default: their own, so that the tree stays exactly what it was.
   */
  readonly mtimeSec?: number;
  /** Default: zstd:chunked. */
  readonly compression?: RechunkFormat;
}

/** Layers above this stop engines that stack them all in one mount. */
const DEFAULT_MAX_LAYERS = 96;

/**
 * Rearranges an image into layers of what changes together: packages by their database, generated files and unowned ones apart.
 * The tree stays exactly what it was, hard links and times included; only directories have no true times but in the last
 * layer, where they count. The same image gives the same digest.
 *
 * What is unpacked stands in a temporary file as long as this runs. The output's name appears last.
 *
 * @throws SlipwayError what {@link flattenImage} and the output throw, PACKAGE_DATABASE_INVALID, USAGE, NO_SPACE
 */
export async function rechunkImage(
  request: RechunkRequest,
  options: OperationOptions = {},
): Promise<RechunkReport> {
  const work = { ...options, ...operation(options) };
  await using bodies = await BodySpool.open();
  await using source = openImage(request.image);
  const image = await source.resolve(request.architecture, work);
  await using previous = await openPrevious(request, work);
  const flat = await flattenImage(
    source,
    image,
    { take: (entry) => bodies.add(entry.body, true) },
    { ...work, cacheDir: bodies.path },
  );
  const packages = await readPackages(new ImageFiles(flat.tree, bodies));
  const groups = contentGroups(flat.tree, fileOwners(flat.tree, packages));
  const plan = planLayers(groups, request.maxLayers ?? DEFAULT_MAX_LAYERS, previous?.places);
  const archives: readonly LayerArchive[] = [
    ...plan.map(({ name, groups: members }) => ({
      name,
      contents: members.map((group) => group.name),
      open: () => writeTar(layerMembers(flat.tree, members, bodies, request.mtimeSec)),
    })),
    {
      name: 'directories',
      contents: [],
      open: () => writeTar(directoryMembers(flat.tree, flat.describesRoot, request.mtimeSec)),
    },
  ];
  const compression = request.compression ?? 'zstd:chunked';
  return await writeOutput(request, { image, archives, compression, earlier: previous }, work);
}

interface Previous extends EarlierLayers, AsyncDisposable {
  readonly places: EarlierPlaces;
}

async function openPrevious(
  { previous, architecture }: RechunkRequest,
  work: OperationOptions,
): Promise<Previous | undefined> {
  if (previous === undefined) return undefined;
  await using resources = new AsyncDisposableStack();
  const source = resources.use(openImage(previous));
  const image = await source.resolve(architecture, work);
  const layers = new Map<Digest, Descriptor>();
  for (const [index, descriptor] of image.manifest.layers.entries()) {
    const diffId = image.config.diffIds[index];
    if (diffId !== undefined) layers.set(diffId, descriptor);
  }
  const places = earlierPlaces(image);
  if (places.size === 0)
    work.log?.warn('the earlier version was not rechunked and is no help', { image: source.name });
  const owned = resources.move();
  return { source, places, layers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Layers are written into a layout: the output itself, or one that is copied to where they go. */
async function writeOutput(
  request: RechunkRequest,
  image: ImageToWrite,
  work: OperationOptions,
): Promise<RechunkReport> {
  const { output } = request;
  if (output.kind === 'oci') {
    await using layout = await openLayoutWriter(output.path);
    return await writeRechunked(layout, image, output.tag ?? 'latest', work);
  }
  await using directory = await makeLargeTempDir('rechunk');
  await using layout = await openLayoutWriter(directory.path);
  await using target = await openTarget(output);
  const isThere = (blob: Descriptor): Promise<boolean> => target.hasBlob(blob, work);
  const report = await writeRechunked(layout, { ...image, isThere }, 'image', work);
  await using local = layoutSource({ kind: 'oci', path: directory.path, tag: 'image', digest: undefined });
  const written = await local.resolve(request.architecture, work);
  await copyImage(local, written, target, { ...work, tag: output.tag });
  return report;
}
