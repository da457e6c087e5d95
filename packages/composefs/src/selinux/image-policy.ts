import type { ByteStream } from '@slipway/core';
import type { ByteString, DirectoryNode, RegularNode } from '../tree.ts';
import { lookupPath } from '../tree-path.ts';
import { FileContexts, type FileKind, invalid } from './file-contexts.ts';
import type { Labels } from './label-tree.ts';
import { type PolicyText, Substitutions } from './substitutions.ts';

const CONFIG = '/etc/selinux/config';
/** In the order they count, the last before all others (selabel_file(5)). */
const CONTEXT_FILES = ['file_contexts', 'file_contexts.homedirs', 'file_contexts.local'] as const;
/** Of one file; a policy's largest has 400 kB. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Gives the bytes of a file of the tree. */
export type FileReader = (node: RegularNode) => ByteStream;

/**
 * The labels by the policy an image carries: the one `/etc/selinux/config` names, by its `file_contexts` and the files beside
 * it.
 *
 * @returns undefined when the image has no configuration, or not the policy it names: its files have no labels then
 * @throws SlipwayError SELINUX_POLICY_INVALID naming file and line, and what `read` throws
 */
export async function readImagePolicy(tree: DirectoryNode, read: FileReader): Promise<Labels | undefined> {
  const config = await textAt(tree, CONFIG, read);
  const type = config === undefined ? undefined : policyType(config.text);
  if (type === undefined) return undefined;
  const directory = `/etc/selinux/${type}/contexts/files`;
  const [contexts, homes, local] = await Promise.all(
    CONTEXT_FILES.map((name) => textAt(tree, `${directory}/${name}`, read)),
  );
  if (contexts === undefined) return undefined;
  const files = [contexts, homes, local].filter((file) => file !== undefined);
  const substitutions = new Substitutions(
    await textAt(tree, `${directory}/file_contexts.subs`, read),
    await textAt(tree, `${directory}/file_contexts.subs_dist`, read),
  );
  return new PolicyLabels(new FileContexts(files), substitutions);
}

class PolicyLabels implements Labels {
  readonly #contexts: FileContexts;
  readonly #substitutions: Substitutions;

  constructor(contexts: FileContexts, substitutions: Substitutions) {
    this.#contexts = contexts;
    this.#substitutions = substitutions;
  }

  labelOf(path: ByteString, kind: FileKind): string | undefined {
    return this.#contexts.labelOf(this.#substitutions.apply(path), kind);
  }
}

/** The last line that says it counts, as in a shell. */
function policyType(config: string): string | undefined {
  let type: string | undefined;
  for (const [, value] of config.matchAll(/^[ \t]*SELINUXTYPE[ \t]*=[ \t]*([^\s#]*)/gim)) type = value;
  if (type === undefined || type === '') return undefined;
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(type)) throw invalid(CONFIG, `"${type}" is no policy`);
  return type;
}

async function textAt(tree: DirectoryNode, path: string, read: FileReader): Promise<PolicyText | undefined> {
  const found = lookupPath(tree, path)?.node;
  if (found?.kind !== 'regular') return undefined;
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of read(found)) {
    pieces.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes > FILE_BYTES_MAX) throw invalid(path, 'it is too large');
  }
  return { name: path, text: Buffer.concat(pieces).toString('latin1') };
}
