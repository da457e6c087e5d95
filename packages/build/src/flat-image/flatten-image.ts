import {
  type DirectoryNode,
  ENTRY_LIMIT,
  type FileContent,
  type LayerEntry,
  LayeredTree,
} from '@slipway/composefs';
import { type OperationOptions, operation, SlipwayError, startTask } from '@slipway/core';
import {
  type Digest,
  type ImageSource,
  openLayer,
  type ResolvedImage,
  readTar,
  type TarEntry,
  type TarHeader,
} from '@slipway/oci';

/** Where bodies go while layers pass. */
export interface BodyIntake {
  /** Takes a body to its end and says what it was; every content has a digest. */
  take(entry: TarEntry): Promise<FileContent>;
}

/** Options of {@link flattenImage}. */
export interface FlattenOptions extends OperationOptions {
  /** Where blobs from a registry are kept while they arrive. */
  readonly cacheDir: string;
  /** Entries of layers read before, by diff id: such a layer is not read again, and what is read is added. */
  readonly known?: Map<Digest, readonly LayerEntry[]>;
}

/** An image as one tree. */
export interface FlatImage {
  readonly image: ResolvedImage;
  readonly tree: DirectoryNode;
  /** Whether a layer has an entry for the root itself. */
  readonly describesRoot: boolean;
}

const ENTRIES_PER_CHECK = 256;

/**
 * Reads the layers of an image once, in order, and merges them: whiteouts applied, bodies given away.
 *
 * @throws SlipwayError LAYER_ENTRY_REFUSED, OCI_TAR_INVALID, OCI_COMPRESSION_INVALID, OCI_DIGEST_MISMATCH, ABORTED, and
 *   what source and intake throw
 */
export async function flattenImage(
  source: ImageSource,
  image: ResolvedImage,
  intake: BodyIntake,
  options: FlattenOptions,
): Promise<FlatImage> {
  const merged = new LayeredTree();
  let describesRoot = false;
  for (const [index, diffId] of image.config.diffIds.entries()) {
    merged.beginLayer(diffId);
    const known = options.known?.get(diffId);
    const seen: LayerEntry[] = [];
    for await (const entry of known ?? readLayer(source, image, index, intake, options)) {
      merged.apply(entry);
      if (isRoot(entry.header.path)) describesRoot = true;
      if (known === undefined && options.known !== undefined) seen.push(entry);
    }
    if (known === undefined) options.known?.set(diffId, seen);
  }
  return { image, tree: merged.finish(), describesRoot };
}

async function* readLayer(
  source: ImageSource,
  image: ResolvedImage,
  index: number,
  intake: BodyIntake,
  options: FlattenOptions,
): AsyncGenerator<LayerEntry, void, undefined> {
  const { signal, progress } = operation(options);
  const name = `read layer ${index + 1} of ${image.manifest.layers.length} of ${source.name}`;
  const task = startTask(progress, name, 'bytes', image.manifest.layers[index]?.size);
  const tar = openLayer(source, image, index, {
    ...options,
    onFetched: (bytes) => task.advance(bytes),
    onSaved: (bytes) => task.save(bytes),
  });
  let entries = 0;
  for await (const entry of readTar(tar)) {
    const content = entry.kind === 'file' ? await intake.take(entry) : undefined;
    yield { header: detached(entry), content };
    entries += 1;
    if (entries % ENTRIES_PER_CHECK === 0) signal.throwIfAborted();
    if (entries > ENTRY_LIMIT) throw tooMany(source.name);
  }
  task.end();
}

/** An entry without its body, whose attributes are no views of the archive: those would keep it in memory. */
function detached({ body: _body, ...header }: TarEntry): TarHeader {
  if (header.xattrs.size === 0) return header;
  const xattrs = new Map([...header.xattrs].map(([key, value]) => [key, Uint8Array.from(value)]));
  return { ...header, xattrs };
}

function isRoot(path: string): boolean {
  return path.split('/').every((name) => name === '' || name === '.');
}

function tooMany(name: string): SlipwayError {
  return new SlipwayError(
    'LAYER_ENTRY_REFUSED',
    `cannot read ${name}: a layer has more than ${ENTRY_LIMIT} entries`,
  );
}
