/**
 * Changing which revision of an app runs:
 *
 *     pending record → stop → copy the data aside → links → start → works? → good: record removed | bad: the same way back
 *
 * What a power cut leaves: before the links change, the old revision with its data; after it, the new one and the pending record, and
 * the next boot asks whether it works (`recoverApps`). Going back is recorded before it begins, and begun again at the next boot.
 */
import { removeDirectoryDurably, removeFileDurably } from '@slipway/boot';
import type { Operation } from '@slipway/core';
import { pathExists } from '../directory.ts';
import type { Transaction } from '../transaction.ts';
import { appIllness } from './app-health.ts';
import { removeData, restoreData, snapshotData } from './data.ts';
import type { AppPaths } from './layout.ts';
import {
  type AppRevision,
  linkRevision,
  type PendingChange,
  readApp,
  readRefused,
  writePending,
  writeRefused,
} from './revision.ts';
import type { AppServices } from './services.ts';
import { unitNames } from './units.ts';

/** What the steps share. */
export interface AppJob {
  readonly transaction: Transaction;
  readonly services: AppServices;
  readonly operation: Operation;
  readonly name: string;
  readonly paths: AppPaths;
}

/** How a change ended. */
export type ActivationResult =
  | { readonly kind: 'works' }
  /** The one before runs again, with the data it had; of a new app nothing is left. */
  | { readonly kind: 'taken-back'; readonly reason: string };

/**
 * Makes a revision the one that runs and sees whether it works; goes back when it does not.
 *
 * @param putBack its own data, as they were when it ran last, in place of those of the one that runs now
 */
export async function activateRevision(
  job: AppJob,
  to: AppRevision,
  { putBack }: { readonly putBack: boolean },
): Promise<ActivationResult> {
  const { name, paths, services, operation } = job;
  const from = (await readApp(name, paths))?.current.revision ?? null;
  const hadData = await pathExists(paths.data);
  const pending: PendingChange = { from, to: to.revision, hadData, failed: null };
  await writePending(paths, pending);
  await stopApp(services, name);
  if (from !== null) await snapshotData(paths.data, paths.revision(from).data, operation);
  await linkRevision(paths.previous, from ?? undefined);
  await linkRevision(paths.current, to.revision);
  if (putBack) await restoreData(paths.revision(to.revision).data, paths.data, operation);
  return await settleChange(job, pending, to);
}

/** Starts what the links name and judges it: the second half of a change, which a boot may have to do. */
export async function settleChange(
  job: AppJob,
  pending: PendingChange,
  to: AppRevision,
): Promise<ActivationResult> {
  const { name, services, paths } = job;
  await services.reload();
  const reason = pending.failed ?? (await appIllness(services, name, to));
  if (reason !== undefined) {
    await takeBack(job, { ...pending, failed: reason }, to);
    return { kind: 'taken-back', reason };
  }
  await removeFileDurably(paths.pending);
  return { kind: 'works' };
}

/** Every unit of an app, itself first. */
export async function stopApp(services: AppServices, name: string): Promise<void> {
  const { app, health, root } = unitNames(name);
  await services.stop([health, app, root]);
}

async function takeBack(job: AppJob, pending: PendingChange, to: AppRevision): Promise<void> {
  const { name, paths, services, operation, transaction } = job;
  await writePending(paths, pending);
  await writeRefused(paths, [...(await readRefused(paths)), to.manifestDigest]);
  await stopApp(services, name);
  if (pending.from === null) {
    await linkRevision(paths.current, undefined);
    if (!pending.hadData) await removeData(paths.data);
    await removeDirectoryDurably(paths.directory);
    await services.reload();
  } else {
    await restoreData(paths.revision(pending.from).data, paths.data, operation);
    await linkRevision(paths.previous, undefined);
    await linkRevision(paths.current, pending.from);
    await removeFileDurably(paths.pending);
    await services.reload();
    await services.start(unitNames(name).app);
  }
  await transaction.record({
    event: 'app-taken-back',
    image: to.image.image,
    version: to.version ?? undefined,
    manifestDigest: to.manifestDigest,
    reason: `app ${name}: ${pending.failed ?? 'it did not work'}`,
  });
}
