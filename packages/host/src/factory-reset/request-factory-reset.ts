/**
 * Asking for a factory reset: `/etc` as the image has it and `/var` empty, at the next boot. The initramfs does it
 * (`os/libexec/factory-reset`, which says what a cut leaves), before anything of the system runs; here everything is made ready.
 */
import { chmod, chown, lstat, mkdir, realpath, rename, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { removeDirectoryDurably, syncDirectory, writeFileDurably } from '@slipway/boot';
import { errnoOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { readXattrs, setXattr } from '@slipway/linux';
import { appNames } from '../apps/layout.ts';
import { readHostState } from '../deployment.ts';
import { pathExists } from '../directory.ts';
import { hostDrift } from '../drift.ts';
import { during } from '../failure.ts';
import { IDENTITY_FILES } from '../identity.ts';
import { publishStatus } from '../status.ts';
import type { HostSystem } from '../system.ts';
import { runTransaction } from '../transaction.ts';
import { resetPaths } from './layout.ts';

/** What to reset, and how sure one is. */
export interface FactoryResetOptions extends OperationOptions {
  /** Paths below `/etc` and `/var` that stay; links on the way are followed. */
  readonly keep: readonly string[];
  /** Only say what would go. */
  readonly dryRun: boolean;
  readonly acknowledgesDestruction: boolean;
}

/** What the next boot resets. */
export interface FactoryResetPlan {
  readonly kind: 'would-reset' | 'queued';
  /** What differs in `/etc` from the image, and will not any more. */
  readonly etcDifferences: number;
  /** Apps that go, with what they keep. */
  readonly apps: readonly string[];
  /** Paths that stay besides machine-id, SSH host keys, images and history. */
  readonly kept: readonly string[];
}

/** What stays, below each. */
interface Keeping {
  readonly etc: readonly string[];
  readonly var: readonly string[];
}

/**
 * Has the next boot reset this host; until then nothing changes, and {@link cancelFactoryReset} takes it back. A cut leaves it asked for
 * or not.
 *
 * @throws SlipwayError USAGE when nobody acknowledged it, or a path to keep is not there or elsewhere; NOT_A_SLIPWAY_HOST, NOT_ROOT,
 *   HOST_LOCKED, STATE_INVALID when a reset is under way, NO_SPACE
 */
export async function requestFactoryReset(
  system: HostSystem,
  { keep, dryRun, acknowledgesDestruction, ...options }: FactoryResetOptions,
): Promise<FactoryResetPlan> {
  if (!acknowledgesDestruction && !dryRun) {
    throw new SlipwayError('USAGE', 'cannot reset this host: /etc and /var would be lost', {
      hint: 'confirm it with --acknowledge-destructive, or look first with --dry-run',
    });
  }
  return await runTransaction(system, 'slipway factory-reset', options, async ({ record, log }) => {
    const { booted } = await readHostState(system);
    const paths = resetPaths(system.layout);
    await refuseUnderWay(paths);
    const keeping = await chooseKept(system, booted.id, keep);
    const { differences } = await hostDrift(system, options);
    const plan = {
      etcDifferences: differences.length,
      apps: await appNames(system.layout),
      kept: [...keeping.etc.map((path) => `/etc/${path}`), ...keeping.var.map((path) => `/var/${path}`)],
    };
    if (dryRun) return { kind: 'would-reset', ...plan };
    await during('ask for a factory reset', system.layout.state, async () => {
      await removeDirectoryDurably(paths.directory);
      await removeDirectoryDurably(paths.part);
      await writeRequest(system, keeping);
      await rename(paths.part, paths.directory);
      await syncDirectory(system.layout.state);
    });
    await record({ event: 'factory-reset-queued', deployment: booted.id });
    await publishStatus(system, log);
    return { kind: 'queued', ...plan };
  });
}

/**
 * Takes it back before the next boot; whether there was anything to take back. A cut leaves it asked for or not.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, STATE_INVALID when it is under way
 */
export async function cancelFactoryReset(
  system: HostSystem,
  options: OperationOptions = {},
): Promise<{ readonly kind: 'cancelled' | 'nothing-queued' }> {
  return await runTransaction(system, 'slipway factory-reset', options, async ({ record, log }) => {
    const paths = resetPaths(system.layout);
    if (!(await pathExists(paths.directory))) return { kind: 'nothing-queued' };
    await refuseUnderWay(paths);
    // By its name first: half of a request must not be found by a boot.
    await removeDirectoryDurably(paths.part);
    await rename(paths.directory, paths.part);
    await removeDirectoryDurably(paths.part);
    await record({ event: 'factory-reset-cancelled' });
    await publishStatus(system, log);
    return { kind: 'cancelled' };
  });
}

async function refuseUnderWay({ old }: ReturnType<typeof resetPaths>): Promise<void> {
  if (!(await pathExists(old))) return;
  throw new SlipwayError('STATE_INVALID', 'cannot change the factory reset: it is under way', {
    hint: 'slipway-factory-reset.service finishes it',
  });
}

async function writeRequest(system: HostSystem, keeping: Keeping): Promise<void> {
  const part = resetPaths(system.layout).part;
  await mkdir(part, { mode: 0o700 });
  const lines = (paths: readonly string[]): string => paths.map((path) => `${path}\n`).join('');
  await writeFile(join(part, 'identity'), lines(IDENTITY_FILES), { flush: true });
  await writeFile(join(part, 'keep-etc'), lines(keeping.etc), { flush: true });
  const { varDirectory } = system.layout;
  await copyDirectory(varDirectory, join(part, 'var'));
  for (const path of keeping.var) await makeParents(varDirectory, join(part, 'var'), path);
  // Synced last, with its directory.
  await writeFileDurably(join(part, 'keep-var'), lines(keeping.var));
}

/** The directories a kept path lies in, as they are. */
async function makeParents(from: string, to: string, path: string): Promise<void> {
  const names = path.split('/').slice(0, -1);
  for (const [index] of names.entries()) {
    const parent = names.slice(0, index + 1).join('/');
    if (!(await pathExists(join(to, parent)))) await copyDirectory(join(from, parent), join(to, parent));
  }
}

/** One directory without what is in it, synced. */
async function copyDirectory(from: string, to: string): Promise<void> {
  const { uid, gid, mode } = await lstat(from);
  await mkdir(to);
  await chown(to, uid, gid);
  await chmod(to, mode & 0o7777);
  // Labels of SELinux among them.
  for (const [name, value] of readXattrs(from)) setXattr(to, name, value);
  await syncDirectory(to);
}

async function chooseKept(system: HostSystem, bootedId: string, keep: readonly string[]): Promise<Keeping> {
  const roots = { etc: system.layout.deployment(bootedId).etc, var: system.layout.varDirectory };
  const chosen = { etc: new Set<string>(), var: new Set<string>() };
  for (const path of keep) {
    const { tree, below } = await placeOf(roots, path);
    chosen[tree].add(below);
  }
  return { etc: outermost(chosen.etc), var: outermost(chosen.var) };
}

/** Which of the two trees a path lies in, and where. */
async function placeOf(
  roots: Readonly<Record<'etc' | 'var', string>>,
  path: string,
): Promise<{ readonly tree: 'etc' | 'var'; readonly below: string }> {
  const refuse = (why: string): never => {
    throw new SlipwayError('USAGE', `cannot keep ${JSON.stringify(path)}: ${why}`, {
      hint: 'name files or directories below /etc and /var, such as --keep /var/lib/shop',
    });
  };
  if (!path.startsWith('/') || path.includes('\n')) refuse('it is not an absolute path');
  const plain = normalize(path).replace(/\/$/, '');
  // /home and /root lead to /var on the host itself.
  const real = /^\/(?:etc|var)(?:\/|$)/.test(plain) ? plain : await realpath(plain).catch(() => plain);
  const [, tree, below = ''] = /^\/(etc|var)(?:\/(.+))?$/.exec(real) ?? [];
  if (tree !== 'etc' && tree !== 'var') return refuse('it is neither below /etc nor below /var');
  if (below === '') return refuse('all of it is what a reset is about');
  const root = roots[tree];
  const facts = await lstat(join(root, below)).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return undefined;
    throw thrown;
  });
  if (facts === undefined) return refuse('there is no such file');
  if ((await realpath(dirname(join(root, below)))) !== join(await realpath(root), dirname(below))) {
    return refuse('a symbolic link stands on the way to it');
  }
  return { tree, below };
}

/** Without what lies in another one. */
function outermost(paths: ReadonlySet<string>): readonly string[] {
  const sorted = [...paths].toSorted();
  return sorted.filter((path) => !sorted.some((other) => path.startsWith(`${other}/`)));
}
