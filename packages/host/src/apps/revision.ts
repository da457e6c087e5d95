/** Revisions of an app on disk: what each is, which one runs, which one is behind it. */
import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectoryDurably, removeFileDurably, syncDirectory, writeFileDurably } from '@slipway/boot';
import { errnoOf, SlipwayError } from '@slipway/core';
import { listDirectory } from '../directory.ts';
import type { ImageSpec } from '../image-spec.ts';
import { asJsonRecord, formatJsonRecord, type JsonRecord, readJsonRecord } from '../json-record.ts';
import { isDeploymentId } from '../layout.ts';
import type { AppHealthCheck, AppPort } from './app-config.ts';
import type { AppPaths } from './layout.ts';

/** What is brought by an image: a program that runs, files for `/usr`, or files for `/etc`. */
export type AppKind = 'app' | ExtensionKind;

/** What systemd merges into the host: systemd-sysext(8), systemd-confext(8). */
export type ExtensionKind = 'sysext' | 'confext';

/** One version of an app on this host. */
export interface AppRevision {
  /** Counts up from 1, never used twice. */
  readonly revision: number;
  readonly kind: AppKind;
  /** Of the image in the store. */
  readonly imageId: string;
  readonly image: ImageSpec;
  readonly manifestDigest: string;
  readonly version: string | null;
  /** ISO time, UTC. */
  readonly installedAt: string;
  readonly ports: readonly AppPort[];
  readonly volumes: readonly string[];
  readonly health: AppHealthCheck | null;
}

/** A change that has not shown yet whether it works. */
export interface PendingChange {
  /** The revision to return to; null for an app that is new. */
  readonly from: number | null;
  readonly to: number;
  /** Whether there were data of this name before a new app: those stay. */
  readonly hadData: boolean;
  /** Set once it is known to be bad: from then on only the way back is left. */
  readonly failed: string | null;
}

/** An app of this host as its directory tells it. */
export interface InstalledApp {
  readonly name: string;
  readonly paths: AppPaths;
  readonly current: AppRevision;
  readonly previous: AppRevision | undefined;
  readonly pending: PendingChange | undefined;
}

/** The app in a directory; undefined where none is installed. @throws SlipwayError STATE_INVALID */
export async function readApp(name: string, paths: AppPaths): Promise<InstalledApp | undefined> {
  const number = await linkedRevision(paths.current);
  if (number === undefined) return undefined;
  const current = await readRevision(paths, number);
  if (current === undefined) {
    throw new SlipwayError('STATE_INVALID', `cannot read the app ${name}: ${paths.current} leads nowhere`, {
      details: { path: paths.current },
    });
  }
  const previous = await readRevision(paths, await linkedRevision(paths.previous));
  return { name, paths, current, previous, pending: await readPending(paths) };
}

/** Every revision that is there whole, oldest first. @throws SlipwayError STATE_INVALID */
export async function listRevisions(paths: AppPaths): Promise<readonly AppRevision[]> {
  const numbers = (await listDirectory(paths.revisions)).filter((name) => /^[1-9]\d{0,8}$/.test(name));
  const revisions: AppRevision[] = [];
  for (const number of numbers.map(Number).toSorted((a, b) => a - b)) {
    const revision = await readRevision(paths, number);
    if (revision !== undefined) revisions.push(revision);
  }
  return revisions;
}

/**
 * Writes a revision under its number. A cut leaves it whole, or under a name that starts with a dot, which the next collection
 * removes.
 */
export async function writeRevision(
  paths: AppPaths,
  revision: AppRevision,
  units: Readonly<Record<string, string>>,
): Promise<void> {
  const { directory } = paths.revision(revision.revision);
  await makeDirectoryDurably(paths.revisions);
  const temporary = join(paths.revisions, `.${revision.revision}.new`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(join(temporary, 'units'), { recursive: true });
  for (const [name, text] of Object.entries(units)) {
    await writeFileDurably(join(temporary, 'units', name), text);
  }
  await writeFileDurably(join(temporary, 'revision.json'), formatJsonRecord(revision, 'indented'));
  await rename(temporary, directory);
  await syncDirectory(paths.revisions);
}

/** Points a link at a revision, or removes it. A cut leaves the old target or the new one. */
export async function linkRevision(link: string, number: number | undefined): Promise<void> {
  if (number === undefined) return await removeFileDurably(link);
  const temporary = `${link}.new`;
  await rm(temporary, { force: true });
  await symlink(join('revisions', String(number)), temporary);
  await rename(temporary, link);
  await syncDirectory(dirname(link));
}

/** Records a change before it is made, and what became of it. A cut leaves the old record or the new one. */
export async function writePending(paths: AppPaths, pending: PendingChange): Promise<void> {
  await writeFileDurably(paths.pending, formatJsonRecord(pending));
}

/** The change that is going on. */
export async function readPending(paths: AppPaths): Promise<PendingChange | undefined> {
  return await readJsonRecord(paths.pending, ({ from, to, hadData, failed }) =>
    (from === null || typeof from === 'number') &&
    typeof to === 'number' &&
    typeof hadData === 'boolean' &&
    (failed === null || typeof failed === 'string')
      ? { from, to, hadData, failed }
      : undefined,
  );
}

/** Manifest digests of images that did not work here. */
export async function readRefused(paths: AppPaths): Promise<readonly string[]> {
  const digests = await readJsonRecord(paths.refused, (record) => {
    const list = record['digests'];
    return Array.isArray(list) ? list.filter((digest) => typeof digest === 'string') : undefined;
  });
  return digests ?? [];
}

/** Remembers them. A cut leaves the old list or the new one. */
export async function writeRefused(paths: AppPaths, digests: readonly string[]): Promise<void> {
  await writeFileDurably(paths.refused, formatJsonRecord({ digests: [...new Set(digests)].slice(-50) }));
}

async function linkedRevision(link: string): Promise<number | undefined> {
  try {
    const number = Number(basename(await readlink(link)));
    return Number.isSafeInteger(number) ? number : undefined;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function readRevision(paths: AppPaths, number: number | undefined): Promise<AppRevision | undefined> {
  if (number === undefined) return undefined;
  return await readJsonRecord(paths.revision(number).record, (record) => checkRevision(record, number));
}

function checkRevision(record: JsonRecord, number: number): AppRevision | undefined {
  const { revision, kind, imageId, manifestDigest, version, installedAt, ports, volumes, health } = record;
  const image = asJsonRecord(record['image']);
  const isWhole =
    revision === number &&
    (kind === 'app' || kind === 'sysext' || kind === 'confext') &&
    typeof imageId === 'string' &&
    isDeploymentId(imageId) &&
    typeof image?.['image'] === 'string' &&
    typeof image['transport'] === 'string' &&
    typeof manifestDigest === 'string' &&
    (version === null || typeof version === 'string') &&
    typeof installedAt === 'string' &&
    Array.isArray(ports) &&
    Array.isArray(volumes) &&
    (health === null || asJsonRecord(health) !== undefined);
  // Written whole by this program alone: its larger parts are as they were written.
  return isWhole ? (record as unknown as AppRevision) : undefined;
}
