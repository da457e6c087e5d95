import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { messageOf } from '@slipway/core';
import type { FieldPath } from '../config/position.ts';
import type { Customizations, DirectoryConfig, FileConfig } from '../config/types.ts';
import { readAccounts } from './account-files.ts';
import type { Ownership, SystemDraft } from './draft.ts';

/** Directories and files somebody wants, after everything else, so that they have the last word. */
export async function planFiles(
  draft: SystemDraft,
  { files = [], directories = [] }: Customizations,
): Promise<void> {
  for (const [index, directory] of directories.entries())
    await planDirectory(draft, directory, ['directories', index]);
  for (const [index, file] of files.entries()) await planFile(draft, file, ['files', index]);
}

async function planDirectory(draft: SystemDraft, directory: DirectoryConfig, path: FieldPath): Promise<void> {
  if (!checkPlace(draft, directory.path, path)) return;
  const parent = directory.path.replace(/\/[^/]+$/, '');
  if (directory.ensure_parents !== true && draft.kindAt(parent) !== 'directory') {
    draft.problem([...path, 'path'], `${parent} is no directory; ensure_parents = true makes it`);
  }
  const mode = directory.mode === undefined ? 0o755 : Number.parseInt(directory.mode, 8);
  draft.put(directory.path, { kind: 'directory', ...(await ownership(draft, directory, path)), mode });
}

async function planFile(draft: SystemDraft, file: FileConfig, path: FieldPath): Promise<void> {
  if (!checkPlace(draft, file.path, path)) return;
  if (draft.kindAt(file.path) === 'directory')
    draft.problem([...path, 'path'], `${file.path} is a directory`);
  const bytes = await contentOf(draft, file, path);
  const owner = await ownership(draft, file, path);
  const mode = file.mode === undefined ? undefined : Number.parseInt(file.mode, 8);
  draft.put(file.path, { kind: 'file', bytes, ...owner, mode });
}

function checkPlace(draft: SystemDraft, path: string, field: FieldPath): boolean {
  if (draft.isWritable(path)) return true;
  draft.problem(
    [...field, 'path'],
    `${path} is part of the sealed image, put it there in the Containerfile; only what is below /etc and /var can be written`,
  );
  return false;
}

async function contentOf(draft: SystemDraft, file: FileConfig, path: FieldPath): Promise<Uint8Array> {
  if (file.uri !== undefined) {
    try {
      return await readFile(fileURLToPath(file.uri));
    } catch (cause) {
      draft.problem([...path, 'uri'], `cannot be read: ${messageOf(cause)}`);
    }
  }
  return file.data_base64 === undefined
    ? Buffer.from(file.data ?? '')
    : Buffer.from(file.data_base64, 'base64');
}

async function ownership(
  draft: SystemDraft,
  {
    user,
    group,
  }: { readonly user?: string | number | undefined; readonly group?: string | number | undefined },
  path: FieldPath,
): Promise<Ownership> {
  const accounts = await readAccounts(draft);
  const idOf = (name: string | number | undefined, kind: 'user' | 'group'): number | undefined => {
    if (name === undefined || typeof name === 'number') return name;
    const line = (kind === 'user' ? accounts.passwd : accounts.group).find(name);
    if (line === undefined)
      draft.problem([...path, kind], `the ${kind} '${name}' is neither in the image nor described here`);
    return Number(line?.[2] ?? 0);
  };
  return { uid: idOf(user, 'user'), gid: idOf(group, 'group') };
}
