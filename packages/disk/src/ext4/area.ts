import type { VerityAlgorithm } from '@slipway/composefs';
import type { DiskFile } from '../tree.ts';
import type { ExtentMap } from './extent.ts';
import { BLOCK_BYTES } from './format.ts';
import type { Ext4Plan } from './plan.ts';
import { verityStartBlock } from './verity.ts';

/** What stands in an area: bytes of a file, or of its proof. */
export interface AreaPart {
  readonly kind: 'content' | 'proof';
  readonly inode: number;
  /** Within the content or the proof. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** Within the area. */
  readonly at: number;
}

/** A stretch of the disk full of sealed files and their proofs: put together in memory, and written at once. */
export interface Area {
  readonly kind: 'area';
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Of all proofs. */
  readonly algorithm: VerityAlgorithm;
  readonly parts: readonly AreaPart[];
}

/** A file that is written as its bytes come. */
export interface StreamedFile {
  readonly kind: 'file';
  readonly inode: number;
  readonly node: DiskFile;
}

/** The most an area holds. */
export const AREA_BYTES: number = 2 * 1024 * 1024;

/** A file that threads can bring, and whose digest says whether they brought the right one. */
type LoadedFile = DiskFile & Required<Pick<DiskFile, 'path' | 'verity' | 'verityDigest'>>;

/** All files with content in the order of the disk, those that are near each other in areas. */
export function* fileSteps({ tree, places }: Ext4Plan): Generator<Area | StreamedFile, void, undefined> {
  const drafts = new AreaDrafts();
  for (const [inode, node] of tree.nodes.entries()) {
    if (node.kind !== 'file') continue;
    const map = places.map(inode);
    if (map.extents.length === 0) continue;
    if (isLoaded(node) && map.treeBlocks.length === 0) {
      for (const run of runsOf(node, map)) yield* drafts.add(inode, run, node.verity);
    } else {
      yield* drafts.finish();
      yield { kind: 'file', inode, node };
    }
  }
  yield* drafts.finish();
}

function isLoaded(file: DiskFile): file is LoadedFile {
  return file.path !== undefined && file.verity !== undefined && file.verityDigest !== undefined;
}

/** Neighbouring blocks of the disk with content or proof of a file. */
interface Run extends Pick<AreaPart, 'kind' | 'offsetBytes' | 'sizeBytes'> {
  readonly diskBytes: number;
  /** Of its blocks. */
  readonly lengthBytes: number;
}

function* runsOf({ sizeBytes }: DiskFile, { extents }: ExtentMap): Generator<Run, void, undefined> {
  const proofStart = verityStartBlock(sizeBytes);
  for (const { logical, physical, blocks } of extents) {
    const kind = logical < proofStart ? 'content' : 'proof';
    const offsetBytes = (kind === 'content' ? logical : logical - proofStart) * BLOCK_BYTES;
    const lengthBytes = blocks * BLOCK_BYTES;
    const size = kind === 'content' ? Math.min(lengthBytes, sizeBytes - offsetBytes) : lengthBytes;
    yield { kind, offsetBytes, sizeBytes: size, diskBytes: physical * BLOCK_BYTES, lengthBytes };
  }
}

/** An area as far as it is known. */
type Draft = { -readonly [Key in keyof Area]: Area[Key] } & { readonly parts: AreaPart[] };

/** Cuts runs into areas. */
class AreaDrafts {
  #draft: Draft | undefined;

  /** Takes the next run; yields areas that nothing is added to any more. */
  *add(inode: number, run: Run, algorithm: VerityAlgorithm): Generator<Area, void, undefined> {
    for (let done = 0; done < run.lengthBytes; ) {
      const offsetBytes = run.diskBytes + done;
      if (!this.#takes(offsetBytes, algorithm)) yield* this.finish();
      this.#draft ??= { kind: 'area', offsetBytes, lengthBytes: 0, algorithm, parts: [] };
      done += addPart(this.#draft, inode, run, done);
    }
  }

  *finish(): Generator<Area, void, undefined> {
    if (this.#draft !== undefined) yield this.#draft;
    this.#draft = undefined;
  }

  #takes(offsetBytes: number, algorithm: VerityAlgorithm): boolean {
    const draft = this.#draft;
    if (draft === undefined) return true;
    const isNext = draft.offsetBytes + draft.lengthBytes === offsetBytes && draft.algorithm === algorithm;
    return isNext && draft.lengthBytes < AREA_BYTES;
  }
}

/** Adds what there is room for of what a run has from `done` on; returns how much that was. */
function addPart(draft: Draft, inode: number, run: Run, done: number): number {
  const { kind, offsetBytes, sizeBytes, lengthBytes } = run;
  const taken = Math.min(AREA_BYTES - draft.lengthBytes, lengthBytes - done);
  draft.parts.push({
    kind,
    inode,
    offsetBytes: offsetBytes + done,
    sizeBytes: Math.min(taken, sizeBytes - done),
    at: draft.lengthBytes,
  });
  draft.lengthBytes += taken;
  return taken;
}
