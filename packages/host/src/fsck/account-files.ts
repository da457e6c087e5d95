/** The account files of the running deployment and of its image, and writing one anew. */
import { chmod, chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory, temporaryPathOf } from '@slipway/boot';
import {
  type DirectoryNode,
  fileSize,
  lookupPath,
  openRepository,
  type Repository,
  readFile as readObject,
  walkTree,
} from '@slipway/composefs';
import { collectBytes, errnoOf, isSlipwayError, SlipwayError } from '@slipway/core';
import { deploymentTree } from '../deployment-tree.ts';
import { during } from '../failure.ts';
import type { HostSystem } from '../system.ts';
import { type AccountFiles, type DriftedId, driftedIds } from './account-consistency.ts';

const NAMES = ['passwd', 'shadow', 'group', 'gshadow'] as const;
/** Longer files are not looked into. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Directories of a deployment that are not the image's. */
const OWN_TREES = ['/etc/', '/var/'];

/** An account with another number here than the image's files have. */
export interface OwningDrift extends DriftedId {
  /** A file of the image that has the image's number. */
  readonly file: string;
}

/** Those whose number files of the image have; none where the image cannot be read, which others report. */
export async function owningDrifts(
  system: HostSystem,
  bootedId: string,
  here: AccountFiles,
): Promise<readonly OwningDrift[]> {
  const image = await imageOf(system, bootedId);
  if (image === undefined) return [];
  const { repository, tree } = image;
  return driftedIds(here, await imageFiles(repository, tree)).flatMap((one) => {
    const file = firstOwned(tree, one);
    return file === undefined ? [] : [{ ...one, file }];
  });
}

/** A store that is damaged is reported by whoever checks that. */
async function imageOf(
  system: HostSystem,
  id: string,
): Promise<{ readonly repository: Repository; readonly tree: DirectoryNode } | undefined> {
  try {
    const repository = await openRepository(system.layout.composefs);
    return { repository, tree: deploymentTree(repository, id) };
  } catch (thrown) {
    if (isSlipwayError(thrown)) return undefined;
    throw thrown;
  }
}

function firstOwned(tree: DirectoryNode, { kind, inImage }: DriftedId): string | undefined {
  for (const { path, node } of walkTree(tree)) {
    const owner = kind === 'user' ? node.meta.uid : node.meta.gid;
    if (owner === inImage && !OWN_TREES.some((own) => `${path}/`.startsWith(own))) {
      return Buffer.from(path, 'latin1').toString('utf8');
    }
  }
  return undefined;
}

/** Those of a live `/etc`. */
export async function liveFiles(etc: string): Promise<AccountFiles> {
  return await filesBy(async (name) => {
    try {
      const path = join(etc, name);
      return (await stat(path)).size > MAX_BYTES ? undefined : await readFile(path, 'latin1');
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
  });
}

async function imageFiles(repository: Repository, tree: DirectoryNode): Promise<AccountFiles> {
  return await filesBy(async (name) => {
    const node = lookupPath(tree, `/etc/${name}`)?.node;
    if (node?.kind !== 'regular' || fileSize(node) > MAX_BYTES) return undefined;
    try {
      const tooLong = (): SlipwayError => new SlipwayError('TREE_INVALID', `cannot read /etc/${name}`);
      return (await collectBytes(readObject(repository, node), MAX_BYTES, tooLong)).toString('latin1');
    } catch (thrown) {
      if (isSlipwayError(thrown)) return undefined;
      throw thrown;
    }
  });
}

async function filesBy(
  read: (name: (typeof NAMES)[number]) => Promise<string | undefined>,
): Promise<AccountFiles> {
  const [passwd, shadow, group, gshadow] = await Promise.all(NAMES.map(read));
  return { passwd, shadow, group, gshadow };
}

/**
 * Puts another text in place, owner and permissions as they were; not where somebody changed the file meanwhile. A cut leaves the
 * old file or the new one, and at worst a temporary one beside it that only root can read.
 */
export async function replaceAccounts(path: string, before: string, text: string): Promise<boolean> {
  return await during('repair the account files', path, async () => {
    const { uid, gid, mode } = await stat(path);
    const temporary = temporaryPathOf(path);
    try {
      await rm(temporary, { force: true });
      await writeFile(temporary, text, { encoding: 'latin1', mode: 0o600, flag: 'wx', flush: true });
      await chown(temporary, uid, gid);
      await chmod(temporary, mode & 0o7777);
      if ((await readFile(path, 'latin1')) !== before) return false;
      await rename(temporary, path);
      await syncDirectory(join(path, '..'));
      return true;
    } finally {
      await rm(temporary, { force: true });
    }
  });
}
