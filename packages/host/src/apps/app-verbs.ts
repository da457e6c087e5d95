/** What can be done with the apps of a host. */
import { makeDirectoryDurably, removeDirectoryDurably, removeFileDurably } from '@slipway/boot';
import { checkArchitecture } from '@slipway/composefs';
import { type OperationOptions, operation, SlipwayError } from '@slipway/core';
import type { Reference, WholeImageSource } from '@slipway/oci';
import { collectHostGarbage } from '../garbage.ts';
import type { HostSystem } from '../system.ts';
import { runTransaction, type Transaction } from '../transaction.ts';
import { type ActivationResult, type AppJob, activateRevision, settleChange, stopApp } from './activate.ts';
import { bringApp, resolveApp } from './bring-app.ts';
import { checkConfext } from './check-confext.ts';
import { removeData } from './data.ts';
import { appNames, appPaths } from './layout.ts';
import {
  type AppKind,
  type AppRevision,
  type InstalledApp,
  linkRevision,
  listRevisions,
  readApp,
  readPending,
  readRefused,
} from './revision.ts';
import type { AppServices } from './services.ts';

/** An image to run as an app. */
export interface AppRequest {
  readonly name: string;
  readonly source: WholeImageSource;
  readonly reference: Reference;
  /** For an update that of what runs. */
  readonly kind: AppKind;
  readonly signaturePolicy?: string | undefined;
  /** Take the image although it did not work before. */
  readonly allowRefused?: boolean;
  /** For whoever finds the host locked. */
  readonly command: string;
}

/** What became of an app. */
export interface AppResult {
  readonly kind: 'installed' | 'updated' | 'reverted' | 'unchanged' | 'removed';
  readonly name: string;
  readonly version: string | null;
  readonly revision: number;
  readonly manifestDigest: string;
}

/** Options of the verbs. */
export interface AppOptions extends OperationOptions {
  readonly services: AppServices;
}

/**
 * Brings an image and runs it, as a new app or in place of what the app is now. One that does not work is taken back: the revision
 * before runs again with the data it had.
 *
 * @throws SlipwayError APP_INVALID, APP_UNSUPPORTED, APP_EXISTS, APP_REFUSED, APP_UNHEALTHY, NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, OCI_…, SIGNATURE_…, NO_SPACE
 */
export async function installApp(
  system: HostSystem,
  request: AppRequest,
  options: AppOptions,
): Promise<AppResult> {
  return await changeApp(system, request.name, request.command, options, async (job) => {
    const { paths, transaction } = job;
    const present = await readApp(request.name, paths);
    if (present !== undefined && present.current.kind !== request.kind) throw exists(present);
    if (request.kind === 'confext') await checkConfext(system, options.services);
    const image = await resolveApp(request.kind, request.source, system.architecture, options);
    checkArchitecture(image.config.architecture, system.architecture);
    const { manifestDigest } = image;
    if (present?.current.manifestDigest === manifestDigest)
      return resultOf('unchanged', request.name, present.current);
    const refused = await readRefused(paths);
    if (request.allowRefused !== true && refused.includes(manifestDigest)) {
      throw refusedBefore(request.name, manifestDigest);
    }
    const { kind, source, reference, name } = request;
    const bring = { name, paths, kind, source, reference, image, signaturePolicy: request.signaturePolicy };
    const revision = await bringApp(system, bring, job.operation);
    const activation = await activateRevision(job, revision, { putBack: false });
    await finish(transaction, job, revision, activation);
    return resultOf(present === undefined ? 'installed' : 'updated', name, revision);
  });
}

/**
 * Goes back to the revision before, with the data it had when it was left. What the present one has is kept beside it, so that
 * reverting again takes this back.
 *
 * @throws SlipwayError APP_NOT_FOUND, NO_ROLLBACK, APP_UNHEALTHY
 */
export async function revertApp(system: HostSystem, name: string, options: AppOptions): Promise<AppResult> {
  return await changeApp(system, name, 'slipway app revert', options, async (job) => {
    const { previous } = await requireApp(system, name);
    if (previous === undefined) {
      throw new SlipwayError('NO_ROLLBACK', `cannot revert ${name}: there is no revision before`, {
        hint: 'slipway app list shows what there is',
      });
    }
    const activation = await activateRevision(job, previous, { putBack: true });
    await finish(job.transaction, job, previous, activation);
    return resultOf('reverted', name, previous);
  });
}

/**
 * Stops an app and removes it with everything it kept.
 *
 * Order: link, data, directory. A cut leaves an app that is not there any more and pieces of it, which the next boot removes.
 *
 * @throws SlipwayError APP_NOT_FOUND
 */
export async function removeApp(
  system: HostSystem,
  name: string,
  options: AppOptions & { readonly keepData: boolean },
): Promise<AppResult> {
  return await changeApp(system, name, 'slipway app remove', options, async (job) => {
    const { current, paths } = await requireApp(system, name);
    await stopApp(job.services, name);
    await linkRevision(paths.current, undefined);
    if (!options.keepData) await removeData(paths.data);
    await removeDirectoryDurably(paths.directory);
    await job.services.reload();
    const { image, version, manifestDigest } = current;
    const about = { image: image.image, version: version ?? undefined, manifestDigest };
    await job.transaction.record({ event: 'app-removed', ...about, reason: `app ${name}` });
    return resultOf('removed', name, current);
  });
}

/** The apps of this host, by name. Changes nothing and needs no lock. @throws SlipwayError STATE_INVALID */
export async function listApps(system: HostSystem): Promise<readonly InstalledApp[]> {
  const apps: InstalledApp[] = [];
  for (const name of await appNames(system.layout)) {
    const app = await readApp(name, appPaths(system.layout, name));
    if (app !== undefined) apps.push(app);
  }
  return apps;
}

/** The app of a name. @throws SlipwayError APP_NOT_FOUND, APP_INVALID */
export async function requireApp(system: HostSystem, name: string): Promise<InstalledApp> {
  const app = await readApp(name, appPaths(system.layout, name));
  if (app !== undefined) return app;
  throw new SlipwayError('APP_NOT_FOUND', `cannot find the app ${name} on this host`, {
    hint: 'slipway app list shows those that are there',
  });
}

/**
 * At boot: finishes changes a power cut stopped, one way or the other, and removes what was left of apps that are not there. One app
 * that cannot be helped stops no other.
 *
 * @returns how each change that was under way ended, by name
 */
export async function recoverApps(
  system: HostSystem,
  options: AppOptions,
): Promise<ReadonlyMap<string, ActivationResult>> {
  const results = new Map<string, ActivationResult>();
  const waitMs = 60_000;
  await runTransaction(system, 'slipway internals apps', { ...options, waitMs }, async (transaction) => {
    for (const name of await appNames(system.layout)) {
      const job = jobOf(system, transaction, name, options);
      const result = await recoverApp(job);
      if (result !== undefined) results.set(name, result);
    }
  });
  return results;
}

async function recoverApp(job: AppJob): Promise<ActivationResult | undefined> {
  const { name, paths } = job;
  const pending = await readPending(paths);
  const app = await readApp(name, paths);
  if (app === undefined) {
    await removeDirectoryDurably(paths.directory);
    return undefined;
  }
  if (pending === undefined) return undefined;
  // Cut before the links changed, or after they were changed back.
  if (app.current.revision !== pending.to) {
    await removeFileDurably(paths.pending);
    return undefined;
  }
  const result = await settleChange(job, pending, app.current);
  await pruneRevisions(job);
  return result;
}

async function changeApp(
  system: HostSystem,
  name: string,
  command: string,
  options: AppOptions,
  change: (job: AppJob) => Promise<AppResult>,
): Promise<AppResult> {
  appPaths(system.layout, name);
  return await runTransaction(system, command, options, async (transaction) => {
    const job = jobOf(system, transaction, name, options);
    await makeDirectoryDurably(system.layout.apps);
    try {
      return await change(job);
    } finally {
      await pruneRevisions(job);
      await collectHostGarbage(transaction);
    }
  });
}

function jobOf(system: HostSystem, transaction: Transaction, name: string, options: AppOptions): AppJob {
  const paths = appPaths(system.layout, name);
  return { transaction, services: options.services, operation: operation(options), name, paths };
}

/** Removes the revisions that neither run nor are the way back, and what is left of unfinished ones. */
async function pruneRevisions({ name, paths }: AppJob): Promise<void> {
  const app = await readApp(name, paths);
  if (app === undefined) return await removeDirectoryDurably(paths.directory);
  const kept = [app.current.revision, app.previous?.revision, app.pending?.from, app.pending?.to];
  for (const { revision } of await listRevisions(paths)) {
    if (!kept.includes(revision)) await removeDirectoryDurably(paths.revision(revision).directory);
  }
}

async function finish(
  transaction: Transaction,
  { name }: AppJob,
  { image, version, manifestDigest }: AppRevision,
  activation: ActivationResult,
): Promise<void> {
  if (activation.kind === 'taken-back') {
    throw new SlipwayError(
      'APP_UNHEALTHY',
      `cannot keep ${version ?? image.image} as the app ${name}: ${activation.reason}`,
      { hint: `what ran before runs again; journalctl --unit=slipway-app-${name} tells more` },
    );
  }
  const about = { image: image.image, version: version ?? undefined, manifestDigest };
  await transaction.record({ event: 'app-changed', ...about, reason: `app ${name}` });
}

function resultOf(kind: AppResult['kind'], name: string, revision: AppRevision): AppResult {
  const { version, manifestDigest } = revision;
  return { kind, name, version, revision: revision.revision, manifestDigest };
}

function exists({ name, current }: InstalledApp): SlipwayError {
  return new SlipwayError('APP_EXISTS', `cannot install ${name}: it is there already, as ${current.kind}`, {
    hint: `give another name with --name, or slipway app remove ${name} first`,
  });
}

function refusedBefore(name: string, digest: string): SlipwayError {
  return new SlipwayError(
    'APP_REFUSED',
    `cannot take ${digest} for the app ${name}: it did not work before`,
    {
      hint: 'add --allow-denied to try it again',
    },
  );
}
