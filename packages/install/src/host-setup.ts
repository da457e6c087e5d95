import {
  bootTree,
  type DirectoryNode,
  type ImportedImage,
  type Repository,
  readFile,
} from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import type { ConfigFile } from './config/load-config.ts';
import type { ConfigProblem, FieldProblem } from './config/position.ts';
import type { FirstDeployment } from './first-deployment.ts';
import type { HostRequest } from './request.ts';
import { fstabLines, PLAIN_STORAGE, type StorageRequest, storageRequest } from './storage/request.ts';
import { SystemDraft, type SystemEdit } from './system/draft.ts';
import { planSystem } from './system/plan-system.ts';

/** What makes a host differ from its image. */
export interface HostSetup {
  /** Changes to `/etc` and `/var`, by path. */
  readonly edits: ReadonlyMap<string, SystemEdit>;
  readonly storage: StorageRequest;
  /** Where extra file systems are mounted, symlinks of the image followed: path of the mount by UUID of the partition. */
  readonly mounts: ReadonlyMap<string, string>;
}

/** A host that is nothing but its image. */
export const PLAIN_HOST: HostSetup = { edits: new Map(), storage: PLAIN_STORAGE, mounts: new Map() };

/**
 * Works out what a configuration makes of this image. Nothing is written.
 *
 * @throws SlipwayError CONFIG_INVALID with every field the image cannot fulfil
 */
export async function planHostSetup(
  repository: Repository,
  imported: Pick<ImportedImage, 'tree'>,
  deployment: Pick<FirstDeployment, 'id' | 'seed' | 'timeSec'>,
  { config, root }: Pick<HostRequest, 'config' | 'root'>,
): Promise<HostSetup> {
  if (config === undefined && root === undefined) return PLAIN_HOST;
  const customizations = config?.config.customizations ?? {};
  const image: DirectoryNode = bootTree(imported.tree);
  const draft = new SystemDraft(image, (node) => readFile(repository, node));
  await planSystem(draft, customizations, {
    // Of the image, not of the configuration: nothing may be learned from a salt about the password beside it.
    seed: deployment.id,
    timeSec: deployment.timeSec,
  });
  const storage = root?.storage ?? storageRequest(customizations, deployment.seed);
  const mounts = await planMounts(draft, storage);
  if (root !== undefined && root.crypttab !== '') await append(draft, '/etc/crypttab', root.crypttab);
  if (draft.problems.length > 0) throw unfit(config, draft);
  return { edits: draft.edits, storage, mounts };
}

async function planMounts(draft: SystemDraft, storage: StorageRequest): Promise<ReadonlyMap<string, string>> {
  const mounts = new Map<string, string>();
  for (const { uuid, mountpoint } of storage.extras) {
    if (mountpoint === undefined) continue;
    const real = draft.real(mountpoint);
    if (real?.startsWith('/var/') === true) {
      draft.put(mountpoint, { kind: 'directory' });
    } else if (draft.find(mountpoint)?.kind !== 'directory') {
      draft.problem(
        ['disk'],
        `cannot mount ${mountpoint}: the image has no such directory, and only below /var can one be made; add it in the Containerfile`,
      );
      continue;
    }
    mounts.set(uuid, real ?? mountpoint);
  }
  const lines = fstabLines(storage.extras);
  if (lines === '') return mounts;
  await append(draft, '/etc/fstab', lines);
  return mounts;
}

async function append(draft: SystemDraft, path: string, lines: string): Promise<void> {
  const before = (await draft.text(path)) ?? '';
  draft.writeText(path, `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${lines}`);
}

function unfit(config: ConfigFile | undefined, draft: SystemDraft): SlipwayError {
  const path = config?.path ?? 'the command line';
  const findings = draft.problems.map((problem) => {
    const {
      file = path,
      line,
      column,
      field,
      message,
    } = config?.where(problem.path, problem.message) ?? unplaced(problem);
    return `${file}:${line}:${column}: ${field}: ${message}`;
  });
  return new SlipwayError('CONFIG_INVALID', `cannot make the host ${path} describes from this image`, {
    findings,
  });
}

function unplaced({ path, message }: FieldProblem): ConfigProblem {
  return { line: 1, column: 1, field: path.join('.'), message };
}
