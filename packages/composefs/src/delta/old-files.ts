import { freeBytes, isSlipwayError, SlipwayError } from '@slipway/core';
import { encodeHeader, type TarHeader } from '@slipway/oci';
import { layerEntries, layerStreamName } from '../import/layer-record.ts';
import type { Repository } from '../repository/repository.ts';
import { type OldLayer } from './format.ts';
import { type OldFile, OldFileList } from './old-file-list.ts';
import { packZerosInto, stripChecksums } from './skeleton.ts';

/** Headers beyond this are left out: what a reader holds besides the window. */
const DICTIONARY_LIMIT_BYTES = 32 * 1024 * 1024;

/** What a dictionary starts with. */
const FIRST_BYTES = 1024 * 1024;

/**
 * What both sides know of the old image: the writer and the reader of a delta make the very same of its records. Disposing of it gives
 * its memory back at once.
 */
export interface OldFiles extends Disposable {
  /** By number. */
  readonly files: OldFileList;
  /** Headers of the layers that are replaced, packed as skeletons are; undefined when there are none. */
  readonly dictionary: Buffer | undefined;
}

/**
 * Reads the records of old layers.
 *
 * @param onFile hears the path of each file as it gets its number
 * @throws SlipwayError DELTA_BASE_MISSING when the store does not have them
 */
export function readOldFiles(
  repository: Repository,
  layers: readonly OldLayer[],
  onFile?: (path: string, file: OldFile) => void,
): OldFiles {
  const files = new OldFileList();
  const dictionary = new DictionaryBuilder();
  for (const { diffId, inDictionary } of layers) {
    for (const { header, content } of oldEntries(repository, diffId)) {
      if (inDictionary) dictionary.add(header);
      if (content === undefined || header.sizeBytes === 0) continue;
      const file = { content, sizeBytes: header.sizeBytes };
      files.add(file);
      onFile?.(header.path, file);
    }
  }
  return {
    files,
    dictionary: dictionary.finish(),
    [Symbol.dispose]: () => {
      files[Symbol.dispose]();
      dictionary[Symbol.dispose]();
    },
  };
}

function oldEntries(repository: Repository, diffId: string): ReturnType<typeof layerEntries> {
  try {
    const record = repository.readStream(layerStreamName(diffId));
    if (record !== undefined) return layerEntries(record, diffId);
  } catch (cause) {
    if (!isSlipwayError(cause)) throw cause;
    throw baseMissing(diffId, cause);
  }
  throw baseMissing(diffId);
}

function baseMissing(diffId: string, cause?: unknown): SlipwayError {
  return new SlipwayError('DELTA_BASE_MISSING', `cannot use the delta: layer ${diffId} is not in the store`, {
    hint: 'pull the image it starts from first, or pull the new image without it',
    details: { diffId },
    cause,
  });
}

/** Gathers headers as they most likely stood in the archive; how they really did, nobody recorded. */
class DictionaryBuilder implements Disposable {
  /** One piece of memory: many short buffers would each keep the whole block of Node's pool they lie in. */
  #packed: Buffer = Buffer.alloc(0);
  #sizeBytes = 0;

  add(header: TarHeader): void {
    if (this.#sizeBytes >= DICTIONARY_LIMIT_BYTES) return;
    const blocks = headerBlocks(header);
    if (blocks === undefined) return;
    stripChecksums(blocks);
    this.#reserve(blocks.length * 2);
    this.#sizeBytes = packZerosInto(this.#packed, this.#sizeBytes, blocks);
  }

  [Symbol.dispose](): void {
    freeBytes(this.#packed);
  }

  finish(): Buffer | undefined {
    return this.#sizeBytes === 0 ? undefined : this.#packed.subarray(0, this.#sizeBytes);
  }

  #reserve(bytes: number): void {
    if (this.#sizeBytes + bytes <= this.#packed.length) return;
    const larger = Buffer.allocUnsafeSlow(
      Math.max(this.#packed.length * 2, this.#sizeBytes + bytes, FIRST_BYTES),
    );
    this.#packed.copy(larger, 0, 0, this.#sizeBytes);
    this.#packed = larger;
  }
}

/** Undefined when no archive can say it like this; other forms of the same header are nobody's guess. */
function headerBlocks(header: TarHeader): Buffer | undefined {
  try {
    return encodeHeader(header);
  } catch (cause) {
    if (isSlipwayError(cause, 'OCI_TAR_INVALID')) return undefined;
    throw cause;
  }
}
