import { type DirectoryNode, lookupPath, type RegularNode, type TreeNode } from '@slipway/composefs';
import { collectBytes, SlipwayError } from '@slipway/core';
import type { FileReader } from '@slipway/host';
import type { FieldPath } from '../config/position.ts';
import { resolvePath } from './resolve-path.ts';

/** Owner and permissions; what is not said stays as it is, or root's. */
export interface Ownership {
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** One change to `/etc` or `/var` of a host that has not run yet. */
export type SystemEdit =
  | ({ readonly kind: 'file'; readonly bytes: Uint8Array } & Ownership)
  /** A file of the image under another name. */
  | ({ readonly kind: 'copy'; readonly from: RegularNode } & Ownership)
  | ({ readonly kind: 'directory' } & Ownership)
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'remove' };

/** A field of the configuration that cannot be fulfilled with this image. */
export interface DraftProblem {
  readonly path: FieldPath;
  readonly message: string;
}

const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/**
 * The first `/etc` and `/var` of a host while they are worked out: the image's, and the changes asked for so far.
 *
 * Nothing is written anywhere. What cannot be done is noted with its field, so that all of it can be reported together.
 */
export class SystemDraft {
  readonly image: DirectoryNode;
  readonly #read: FileReader;
  readonly #edits = new Map<string, SystemEdit>();
  readonly #problems: DraftProblem[] = [];

  constructor(image: DirectoryNode, read: FileReader) {
    this.image = image;
    this.#read = read;
  }

  /** Changes by the path they really are at, below `/etc` or `/var`. */
  get edits(): ReadonlyMap<string, SystemEdit> {
    return this.#edits;
  }

  get problems(): readonly DraftProblem[] {
    return this.#problems;
  }

  problem(path: FieldPath, message: string): void {
    this.#problems.push({ path: ['customizations', ...path], message });
  }

  /** What the image has at a path, symlinks followed. */
  find(path: string): TreeNode | undefined {
    return lookupPath(this.image, latin1(path))?.node;
  }

  /** What stands at a path once the changes so far are made. */
  kindAt(path: string): 'file' | 'directory' | 'symlink' | 'other' | undefined {
    const real = this.real(path);
    const edit = real === undefined ? undefined : this.#edits.get(real);
    if (edit !== undefined)
      return edit.kind === 'remove' ? undefined : edit.kind === 'copy' ? 'file' : edit.kind;
    const node = this.find(path);
    if (node === undefined || node.kind === 'directory' || node.kind === 'symlink') return node?.kind;
    return node.kind === 'regular' ? 'file' : 'other';
  }

  /** Text of a small file as it stands now; undefined when there is none. */
  async text(path: string): Promise<string | undefined> {
    const real = this.real(path);
    const edit = real === undefined ? undefined : this.#edits.get(real);
    if (edit?.kind === 'file') return Buffer.from(edit.bytes).toString('utf8');
    if (edit !== undefined && edit.kind !== 'copy') return undefined;
    const node = edit?.kind === 'copy' ? edit.from : this.find(path);
    if (node?.kind !== 'regular') return undefined;
    const tooLarge = (): SlipwayError =>
      new SlipwayError(
        'CONFIG_INVALID',
        `cannot change ${path} of the image: it is larger than ${MAX_TEXT_BYTES} bytes`,
      );
    return (await collectBytes(this.#read(node), MAX_TEXT_BYTES, tooLarge)).toString('utf8');
  }

  /** The bytes of a file of the image as they come, for a search. */
  stream(node: RegularNode): AsyncIterable<Uint8Array> {
    return this.#read(node);
  }

  /** Where a path really leads, as UTF-8. */
  real(path: string, followLast = true): string | undefined {
    const resolved = resolvePath(this.image, latin1(path), followLast);
    return resolved === undefined ? undefined : Buffer.from(resolved, 'latin1').toString('utf8');
  }

  /** Whether a host may write there: the rest of its tree is the sealed image. */
  isWritable(path: string): boolean {
    return /^\/(?:etc|var)\//.test(this.real(path) ?? '');
  }

  /** Writes a text file; owner and permissions of one that exists stay unless given. */
  writeText(path: string, text: string, owner: Ownership = {}): void {
    this.put(path, { kind: 'file', bytes: Buffer.from(text), ...owner });
  }

  /** Makes a change; the last one at a path counts. A symlink replaces what is there instead of being followed. */
  put(path: string, edit: SystemEdit): void {
    const follow = edit.kind !== 'symlink' && edit.kind !== 'remove';
    const real = this.real(path, follow);
    if (real === undefined || !/^\/(?:etc|var)\/./.test(real)) {
      throw new SlipwayError('INTERNAL', `cannot change ${path} of a host: it is part of the image`);
    }
    this.#edits.set(real, edit);
  }
}

function latin1(path: string): string {
  return Buffer.from(path).toString('latin1');
}
