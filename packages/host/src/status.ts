/** Reading the status of a host, as root or not. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, isoTime, isSlipwayError, type Logger } from '@slipway/core';
import { readCopiesReport } from './boot-copies/report.ts';
import { type BootcHost, statusOfHost, statusOfNoHost } from './bootc-host.ts';
import { bootedDeploymentId } from './booted-id.ts';
import { type HostState, readHostState } from './deployment.ts';
import { pathExists } from './directory.ts';
import { resetPaths } from './factory-reset/layout.ts';
import { type HealthReport, readHealthReport } from './health/report.ts';
import { type FallbackStory, lastFallback, publishStory } from './health/story.ts';
import { readHistory } from './history.ts';
import { parseJsonRecord } from './json-record.ts';
import { writeRunFile } from './run-file.ts';
import { softRebootTargets } from './soft-reboot.ts';
import type { HostSystem } from './system.ts';
import { transientPlaces } from './transient.ts';
import { usrOverlayOf } from './usr-overlay.ts';

const HISTORY_RECORDS = 10;
/** How far back the last time the host went back by itself is looked for. */
const STORY_RECORDS = 200;

/**
 * The status of this machine; of one that is no Slipway host a document with nothing booted.
 *
 * The root file system of a host and its boot partition are for root only. Others get what was written down for them after the
 * last change, with its time in `slipway.asOf`.
 *
 * @throws SlipwayError NOT_ROOT when nothing was written down, STATE_INVALID when the staged record is damaged
 */
export async function hostStatus(system: HostSystem): Promise<BootcHost> {
  const mountInfo = await system.mountInfo();
  if (bootedDeploymentId(mountInfo) === undefined) return statusOfNoHost();
  try {
    const history = await readHistory(system.layout.history, STORY_RECORDS).catch(noneWithoutRoot);
    const state = await readHostState(system);
    const recent = history.slice(-HISTORY_RECORDS);
    const status = statusOfHost(state, recent, {
      architecture: system.architecture,
      usrOverlay: usrOverlayOf(mountInfo),
      transient: transientPlaces(mountInfo),
      softRebootTargets: await targetsNow(system, state),
    });
    const isReset = await pathExists(resetPaths(system.layout).directory);
    const report = await readHealthReport(system).catch(noReport);
    return await withCopies(system, withRecords(status, report, lastFallback(history), isReset));
  } catch (thrown) {
    const published = isSlipwayError(thrown, 'NOT_ROOT') ? await readPublished(system) : undefined;
    if (published !== undefined) return await withCopies(system, published);
    throw thrown;
  }
}

async function targetsNow(system: HostSystem, state: HostState): Promise<ReadonlySet<string>> {
  if (!(await system.canSoftReboot())) return new Set();
  return softRebootTargets(state, await system.commandLine());
}

/** Writes the status down for those who are not root. It is gone at reboot; not being able to is no failure of the work. */
export async function publishStatus(system: HostSystem, log: Logger): Promise<void> {
  try {
    const status = await hostStatus(system);
    await publishStory(system, status.slipway.fallback ?? undefined, log);
    const asOf = isoTime(system.clock);
    const text = `${JSON.stringify({ ...status, slipway: { ...status.slipway, asOf } })}\n`;
    await writeRunFile(publishedPath(system), text);
  } catch (thrown) {
    log.warn('the status was not written down for other users', { reason: String(thrown) });
  }
}

function withRecords(
  host: BootcHost,
  report: HealthReport | undefined,
  fallback: FallbackStory | undefined,
  isReset: boolean,
): BootcHost {
  const health = report?.outcome === 'bad' ? 'bad' : host.slipway.health;
  return {
    ...host,
    slipway: {
      ...host.slipway,
      health,
      checks: report ?? null,
      fallback: fallback ?? null,
      factoryReset: isReset ? 'queued' : null,
    },
  };
}

/** As they are now: they are made after the status was written down. */
async function withCopies(system: HostSystem, host: BootcHost): Promise<BootcHost> {
  const report = await readCopiesReport(system);
  const bootCopies = report?.copies.map(({ device, reason = null }) => ({ device, reason })) ?? null;
  return { ...host, slipway: { ...host.slipway, bootCopies } };
}

/** A damaged report of this boot is none. */
function noReport(): undefined {
  return undefined;
}

async function readPublished(system: HostSystem): Promise<BootcHost | undefined> {
  try {
    const record = parseJsonRecord(await readFile(publishedPath(system), 'utf8'));
    // Written by root in a directory of root's: only its absence is to be expected.
    return record === undefined ? undefined : (record as unknown as BootcHost);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

function publishedPath(system: HostSystem): string {
  return join(system.runDirectory, 'status.json');
}

function noneWithoutRoot(thrown: unknown): readonly [] {
  if (errnoOf(thrown) === 'EACCES' || errnoOf(thrown) === 'EPERM') return [];
  throw thrown;
}
