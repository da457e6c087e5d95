import { createReadStream, createWriteStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ByteStream, type OperationOptions, operation } from '@slipway/core';
import { type Digest, DigestHasher } from '@slipway/oci';
import { INLINE_LIMIT_BYTES } from '../import/layer-entry.ts';
import type { Repository } from '../repository/repository.ts';
import type { FileContent } from '../tree.ts';
import { measureBytes } from '../verity/measure.ts';
import { type ArchivePart, archiveParts, UnusualArchive } from './archive-parts.ts';
import {
  CONTROL_LIMIT_BYTES,
  encodeHead,
  type OldLayer,
  SECTIONS,
  type SectionName,
  type SectionSize,
  SKELETON_WINDOW_LOG,
  WINDOW_LOG,
} from './format.ts';
import { LayerColumns } from './layer-columns.ts';
import { matchFiles, type PatchStep } from './match.ts';
import { OldContent } from './old-content.ts';
import { type OldFiles, readOldFiles } from './old-files.ts';
import { SectionWriter } from './section-writer.ts';
import { type NumberedFile, SimilarFiles } from './similar-files.ts';
import { packZeros, stripChecksums } from './skeleton.ts';

/** The old image, ready to be compared with. */
export interface DeltaBase {
  readonly layers: readonly OldLayer[];
  readonly old: OldFiles;
  readonly similar: SimilarFiles;
}

/** What a delta is made of, in files and bytes of the new layer. */
export interface DeltaCounts {
  /** The same as in the old image. */
  readonly copied: FileCount;
  /** Made from old files. */
  readonly patched: FileCount;
  /** Like nothing in the old image. */
  readonly fresh: FileCount;
}

interface FileCount {
  files: number;
  bytes: number;
}

/** A delta of one layer, in a file. */
export interface WrittenLayerDelta {
  readonly path: string;
  /** Of the layer it makes. */
  readonly diffId: Digest;
  /** Of the delta itself. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly counts: DeltaCounts;
}

/** Compared at once; of a longer file, piece by piece with what stands about there in the old one. */
const PIECE_BYTES = 48 * 1024 * 1024;
const AROUND_BYTES = 8 * 1024 * 1024;
/** Shorter contents are not worth a reference. */
const PATCH_LEAST_BYTES = 32;
const SKELETON_GATHER_BYTES = 1024 * 1024;

/**
 * Reads the records of the old image.
 *
 * @throws SlipwayError DELTA_BASE_MISSING
 */
export function openDeltaBase(repository: Repository, layers: readonly OldLayer[]): DeltaBase {
  const similar = new SimilarFiles();
  const old = readOldFiles(repository, layers, (path, file) => similar.add(path, file));
  return { layers, old, similar };
}

/**
 * Writes the delta of one layer into a directory, which must exist. The same layer and base give the same bytes.
 *
 * @param archive of the layer, verified by its end
 * @returns undefined for an archive of a kind no delta is made of: it has to be fetched as it is
 * @throws whatever the archive throws; SlipwayError OBJECT_MISSING, IO_FAILED
 */
export async function writeLayerDelta(
  repository: Repository,
  base: DeltaBase,
  archive: ByteStream,
  diffId: Digest,
  directory: string,
  options: OperationOptions = {},
): Promise<WrittenLayerDelta | undefined> {
  const writer = new LayerDeltaWriter(repository, base, join(directory, diffId.replace(':', '-')));
  const { signal } = operation(options);
  try {
    for await (const part of archiveParts(archive)) {
      signal.throwIfAborted();
      await writer.add(part);
    }
    return await writer.finish(diffId);
  } catch (thrown) {
    await writer.discard();
    if (thrown instanceof UnusualArchive) return undefined;
    throw thrown;
  }
}

class LayerDeltaWriter {
  readonly #repository: Repository;
  readonly #base: DeltaBase;
  readonly #path: string;
  readonly #columns = new LayerColumns();
  readonly #sections: Readonly<Record<SectionName, SectionWriter>>;
  readonly #counts: DeltaCounts = {
    copied: { files: 0, bytes: 0 },
    patched: { files: 0, bytes: 0 },
    fresh: { files: 0, bytes: 0 },
  };
  #head: Buffer[] = [];
  #headBytes = 0;
  #archiveBytes = 0;

  constructor(repository: Repository, base: DeltaBase, path: string) {
    this.#repository = repository;
    this.#base = base;
    this.#path = path;
    this.#sections = {
      control: new SectionWriter(`${path}.control`, WINDOW_LOG),
      skeleton: new SectionWriter(`${path}.skeleton`, SKELETON_WINDOW_LOG, base.old.dictionary),
      diff: new SectionWriter(`${path}.diff`, WINDOW_LOG),
      extra: new SectionWriter(`${path}.extra`, WINDOW_LOG),
    };
  }

  async add(part: ArchivePart): Promise<void> {
    if (part.kind === 'content') {
      await this.#endHead();
      await this.#content(part);
      return;
    }
    this.#head.push(Buffer.from(part.bytes));
    this.#headBytes += part.bytes.length;
    // A segment may hold no content; so that none grows without end.
    if (this.#headBytes < SKELETON_GATHER_BYTES) return;
    await this.#endHead();
    this.#columns.fresh(0);
  }

  async finish(diffId: Digest): Promise<WrittenLayerDelta | undefined> {
    await this.#endHead();
    this.#columns.end();
    const control = this.#columns.finish();
    if (control.length > CONTROL_LIMIT_BYTES) throw new UnusualArchive(diffId);
    await this.#sections.control.write(control);
    const sizes: Partial<Record<SectionName, SectionSize>> = {};
    for (const name of SECTIONS) sizes[name] = await this.#sections[name].finish();
    const sections = sizes as Record<SectionName, SectionSize>;
    const { layers } = this.#base;
    const head = encodeHead({ diffId, archiveBytes: this.#archiveBytes, oldLayers: layers, sections });
    const { digest, sizeBytes } = await this.#assemble(head);
    return { path: this.#path, diffId, digest, sizeBytes, counts: this.#counts };
  }

  async discard(): Promise<void> {
    for (const name of SECTIONS) {
      await this.#sections[name].discard();
      await rm(this.#sections[name].path, { force: true });
    }
  }

  /** Head and sections, one after the other. */
  async #assemble(head: Buffer): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
    const hasher = new DigestHasher('sha256');
    hasher.update(head);
    await writeFile(this.#path, head);
    for (const name of SECTIONS) {
      const { path } = this.#sections[name];
      const source = createReadStream(path);
      source.on('data', (chunk) => hasher.update(chunk as Buffer));
      await pipeline(source, createWriteStream(this.#path, { flags: 'a' }));
      await rm(path);
    }
    return { digest: hasher.digest(), sizeBytes: hasher.sizeBytes };
  }

  async #endHead(): Promise<void> {
    const blocks = Buffer.concat(this.#head);
    this.#head = [];
    this.#headBytes = 0;
    this.#archiveBytes += blocks.length;
    const hasChecksums = stripChecksums(blocks);
    this.#columns.head(blocks.length, hasChecksums);
    await this.#sections.skeleton.write(packZeros(blocks));
  }

  async #content(part: Extract<ArchivePart, { readonly kind: 'content' }>): Promise<void> {
    const { path, sizeBytes, pieces } = part;
    this.#archiveBytes += Math.ceil(sizeBytes / 512) * 512;
    const content = sizeBytes > PIECE_BYTES ? await this.#storeLong(pieces) : await gathered(pieces);
    const { similar } = this.#base;
    const same = similar.same(contentOf(content, this.#repository), this.#columns.expected);
    if (same !== undefined) {
      this.#columns.copy(same.number);
      count(this.#counts.copied, sizeBytes);
      return;
    }
    using reader = Buffer.isBuffer(content)
      ? new WholeContent(content)
      : new OldContent(this.#repository, content);
    const like = sizeBytes < PATCH_LEAST_BYTES ? undefined : similar.similar(path, sizeBytes);
    if (like === undefined || !(await this.#patch(reader, like))) await this.#fresh(reader);
  }

  /** False when nothing of the old file is of use. */
  async #patch(reader: ContentReader, { number, file }: NumberedFile): Promise<boolean> {
    using old = new OldContent(this.#repository, file);
    const steps = patchSteps(old, reader);
    if (steps.every(({ addBytes }) => addBytes === 0)) return false;
    this.#columns.patch(number, reader.sizeBytes, steps);
    for (const { oldAt, newAt, addBytes, extraBytes } of steps) {
      for (let at = 0; at < addBytes; at += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, addBytes - at);
        await this.#sections.diff.write(
          difference(old.read(oldAt + at, length), reader.read(newAt + at, length)),
        );
      }
      for (let at = 0; at < extraBytes; at += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, extraBytes - at);
        await this.#sections.extra.write(reader.read(newAt + addBytes + at, length));
      }
    }
    count(this.#counts.patched, reader.sizeBytes);
    return true;
  }

  async #fresh(reader: ContentReader): Promise<void> {
    this.#columns.fresh(reader.sizeBytes);
    for (let at = 0; at < reader.sizeBytes; at += PIECE_BYTES) {
      await this.#sections.extra.write(reader.read(at, Math.min(PIECE_BYTES, reader.sizeBytes - at)));
    }
    count(this.#counts.fresh, reader.sizeBytes);
  }

  /** Too long for memory: kept in the store, where the next collection of garbage finds it. */
  async #storeLong(
    pieces: ByteStream,
  ): Promise<{ readonly content: FileContent; readonly sizeBytes: number }> {
    const { digest, sizeBytes } = await this.#repository.putObject(pieces);
    return { content: { kind: 'object', sizeBytes, digest: Buffer.from(digest, 'hex') }, sizeBytes };
  }
}

/** Content of any length, where a part of it is asked for. */
interface ContentReader extends Disposable {
  readonly sizeBytes: number;
  read(atBytes: number, lengthBytes: number): Buffer;
}

class WholeContent implements ContentReader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  read(atBytes: number, lengthBytes: number): Buffer {
    return this.#bytes.subarray(atBytes, atBytes + lengthBytes);
  }

  [Symbol.dispose](): void {
    // Memory goes by itself.
  }
}

function patchSteps(old: ContentReader, fresh: ContentReader): readonly PatchStep[] {
  const all: PatchStep[] = [];
  for (let newAt = 0; newAt < fresh.sizeBytes; newAt += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, fresh.sizeBytes - newAt);
    const oldAt = Math.min(Math.max(0, newAt - AROUND_BYTES), old.sizeBytes);
    const oldLength = Math.min(length + 2 * AROUND_BYTES, old.sizeBytes - oldAt);
    const steps = matchFiles(old.read(oldAt, oldLength), fresh.read(newAt, length));
    for (const step of steps) all.push({ ...step, oldAt: step.oldAt + oldAt, newAt: step.newAt + newAt });
  }
  return all;
}

function difference(old: Buffer, fresh: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(fresh.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (fresh[at] ?? 0) - (old[at] ?? 0);
  return bytes;
}

async function gathered(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts);
}

function contentOf(
  content: Buffer | { readonly content: FileContent },
  { algorithm }: Repository,
): FileContent {
  if (!Buffer.isBuffer(content)) return content.content;
  if (content.length <= INLINE_LIMIT_BYTES) return { kind: 'inline', bytes: content };
  return { kind: 'object', sizeBytes: content.length, digest: measureBytes(content, algorithm) };
}

function count(counter: FileCount, bytes: number): void {
  counter.files += 1;
  counter.bytes += bytes;
}
