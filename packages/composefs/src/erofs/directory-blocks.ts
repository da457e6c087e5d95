import type { PackedStore } from '../packed/packed-store.ts';
import { BLOCK_BYTES, DIRENT, type FileType, TAIL_BYTES_MAX } from './format.ts';
import type { ImageOutput } from './image-output.ts';
import { PARENT, type PlannedDirectories, SELF } from './planned-nodes.ts';

/** How the entries of a directory fall into blocks (composefs-format section 8). */
export interface DirectoryShape {
  readonly dataBlocks: number;
  readonly tailBytes: number;
}

/** Fills blocks greedily; a last group of more than half a block becomes a block, else the tail. */
export function directoryShape(directories: PlannedDirectories, directory: number): DirectoryShape {
  let dataBlocks = 0;
  let bytes = 0;
  for (let at = directories.start(directory); at < directories.end(directory); at += 1) {
    const cost = DIRENT.sizeBytes + directories.nameLength(directories.children[at] ?? 0);
    if (bytes + cost > BLOCK_BYTES) {
      dataBlocks += 1;
      bytes = 0;
    }
    bytes += cost;
  }
  return bytes > TAIL_BYTES_MAX
    ? { dataBlocks: dataBlocks + 1, tailBytes: 0 }
    : { dataBlocks, tailBytes: bytes };
}

/** Says where a name of a directory leads. */
export interface Dirent {
  readonly slot: number;
  readonly fileType: FileType;
}

/** Writes the entries of one directory, a group for each block, one after the other. */
export class DirectoryWriter {
  readonly #directories: PlannedDirectories;
  readonly #store: PackedStore;
  readonly #direntOf: (child: number) => Dirent;
  readonly #end: number;
  #next: number;

  constructor(
    directories: PlannedDirectories,
    store: PackedStore,
    directory: number,
    direntOf: (child: number) => Dirent,
  ) {
    this.#directories = directories;
    this.#store = store;
    this.#direntOf = direntOf;
    this.#next = directories.start(directory);
    this.#end = directories.end(directory);
  }

  /** Passes over groups that stand elsewhere. */
  skip(groups: number): void {
    for (let group = 0; group < groups; group += 1) this.#next = this.#groupEnd();
  }

  /** Writes the next group at an offset, if there is one. */
  write(image: ImageOutput, offset: number): void {
    const end = this.#groupEnd();
    let nameOffset = DIRENT.sizeBytes * (end - this.#next);
    let at = offset;
    for (; this.#next < end; this.#next += 1) {
      const child = this.#directories.children[this.#next] ?? 0;
      const { slot, fileType } = this.#direntOf(child);
      image.i64(at + DIRENT.nid, slot);
      image.u16(at + DIRENT.nameOffset, nameOffset);
      image.u8(at + DIRENT.fileType, fileType);
      this.#writeName(image, child, offset + nameOffset);
      nameOffset += this.#directories.nameLength(child);
      at += DIRENT.sizeBytes;
    }
  }

  #writeName(image: ImageOutput, child: number, offset: number): void {
    if (child >= PARENT) image.latin1(offset, child === SELF ? '.' : '..');
    else {
      const { nameStarts, nameLengths } = this.#store;
      image.copy(offset, this.#store.bytes, nameStarts[child] ?? 0, nameLengths[child] ?? 0);
    }
  }

  #groupEnd(): number {
    let bytes = 0;
    for (let at = this.#next; at < this.#end; at += 1) {
      bytes += DIRENT.sizeBytes + this.#directories.nameLength(this.#directories.children[at] ?? 0);
      if (bytes > BLOCK_BYTES) return at;
    }
    return this.#end;
  }
}
