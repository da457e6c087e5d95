/**
 * What a host does when a boot did not become good: says why, and goes back while there is something to go back to.
 *
 * Order: record on disk, then the boot entry, then the reboot. A cut after the record leaves the attempts of the boot loader to come to
 * the same end; a cut after the entry, the boot that was wanted.
 */
import { bootEntryOptions, removeFileDurably, renameBootEntry, writeFileDurably } from '@slipway/boot';
import { isoTime, messageOf, operation } from '@slipway/core';
import { type DeploymentBootEntry, type HostState, readHostState } from '../deployment.ts';
import { appendHistory } from '../history.ts';
import { asJsonRecord, formatJsonRecord, type JsonRecord, readJsonRecord } from '../json-record.ts';
import type { HostSystem } from '../system.ts';
import { failedChecksSentence, type HealthReport, parseHealthReport, readHealthReport } from './report.ts';
import { runHealthScripts, type ScriptOptions } from './run-scripts.ts';
import { GREENBOOT_DIRECTORIES, listHealthScripts } from './scripts.ts';

/** A boot that did not become good: `state/failed-boot.json`, until a deployment proves good again. */
export interface FailedBoot {
  readonly deployment: string;
  readonly image: string | undefined;
  readonly version: string | undefined;
  readonly manifestDigest: string | undefined;
  /** ISO time, UTC. */
  readonly at: string;
  /** One sentence for people. */
  readonly reason: string;
  /** What the checks found, where they got that far. */
  readonly health: HealthReport | undefined;
}

/** What to do about a boot that failed. */
export interface FailedBootDecision {
  readonly action: 'fall-back' | 'stay';
  /** One sentence: why so. */
  readonly because: string;
  /** The entry to take out of the running, and what it is called then. */
  readonly entry?: { readonly from: string; readonly to: string };
}

/** How to go about it. */
export interface FailedBootOptions extends ScriptOptions {
  /** Units that boot-complete.target wanted and that failed or never started. */
  readonly failedUnits: readonly string[];
  readonly directories?: readonly string[];
}

/**
 * Records why this boot did not become good, runs `red.d`, and takes its boot entry out of the running where that leads to another
 * deployment. The caller reboots when the answer says `fall-back`.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT
 */
export async function recordFailedBoot(
  system: HostSystem,
  options: FailedBootOptions,
): Promise<FailedBootDecision & { readonly failed: FailedBoot }> {
  const { log } = operation(options);
  const state = await readHostState(system);
  const failed = await describeFailure(system, state, options.failedUnits);
  const decision = decideAfterFailedBoot(state);
  try {
    await writeFailedBoot(system, failed);
    const { deployment, image, version, manifestDigest, reason } = failed;
    const entry = { event: 'health-failed', deployment, image, version, manifestDigest, reason } as const;
    await appendHistory(system.layout.history, { ...entry, boot: await system.bootId() }, system.clock);
  } catch (thrown) {
    // Going back must not hang on whether it could be written down.
    log.error('why this boot failed was not recorded', { reason: messageOf(thrown) });
  }
  await runHealthScripts(
    await listHealthScripts('red.d', options.directories ?? GREENBOOT_DIRECTORIES),
    options,
  );
  if (decision.entry !== undefined) {
    await renameBootEntry(system.esp, decision.entry.from, decision.entry.to);
  }
  return { ...decision, failed };
}

/**
 * Back to another deployment, or stay with this one; a pure judgement.
 *
 * A deployment whose attempts are still counted goes when another one can take its place. One that was good before stays: a failing
 * check then tells of the world around it more often than of the image, and a machine that reboots for ever serves nobody.
 */
export function decideAfterFailedBoot({
  booted,
  entries,
}: Pick<HostState, 'booted' | 'entries'>): FailedBootDecision {
  const counter = booted.entry?.name.counter;
  if (booted.entry === undefined || counter === undefined) {
    return { action: 'stay', because: 'this deployment was good before' };
  }
  const { entry: started } = booted;
  // The same one with other kernel arguments is another one: it was good with them.
  const isOther = ({ id, entry, name }: DeploymentBootEntry): boolean =>
    id !== booted.id ||
    (name.counter === undefined && bootEntryOptions(entry) !== bootEntryOptions(started.entry));
  const other = entries.find(
    (one) => isOther(one) && (one.name.counter === undefined || one.name.counter.triesLeft > 0),
  );
  if (other === undefined) return { action: 'stay', because: 'there is no good deployment to go back to' };
  const because = 'another deployment can take its place';
  if (counter.triesLeft === 0) return { action: 'fall-back', because };
  const from = booted.entry.fileName;
  const to = `${booted.entry.name.base}+0-${Math.max(1, counter.triesDone)}.conf`;
  return { action: 'fall-back', because, entry: { from, to } };
}

/** The last boot that failed; undefined without one, or when its record is damaged. */
export async function readFailedBoot(system: HostSystem): Promise<FailedBoot | undefined> {
  return readJsonRecord(system.layout.failedBoot, parseFailedBoot).catch(() => undefined);
}

/** Forgets the last boot that failed: another deployment has proved good. */
export async function removeFailedBoot(system: HostSystem): Promise<void> {
  await removeFileDurably(system.layout.failedBoot);
}

async function writeFailedBoot(system: HostSystem, failed: FailedBoot): Promise<void> {
  const text = formatJsonRecord({ version: 1, failed }, 'indented');
  await writeFileDurably(system.layout.failedBoot, text);
}

async function describeFailure(
  system: HostSystem,
  { booted }: HostState,
  failedUnits: readonly string[],
): Promise<FailedBoot> {
  const boot = await system.bootId();
  const report = await readHealthReport(system).catch(() => undefined);
  const health = report?.boot === boot ? report : undefined;
  const { origin } = booted;
  return {
    deployment: booted.id,
    image: origin?.image.image,
    version: origin?.version,
    manifestDigest: origin?.manifestDigest,
    at: isoTime(system.clock),
    reason: failureReason(health, failedUnits),
    health,
  };
}

/** One sentence on why a boot was not good: its checks, else its units, else that it took too long. */
export function failureReason(health: HealthReport | undefined, failedUnits: readonly string[]): string {
  const checks = health === undefined ? undefined : failedChecksSentence(health);
  if (checks !== undefined) return checks;
  if (failedUnits.length === 0) return 'it did not finish starting in time';
  return `${failedUnits.join(', ')} did not start`;
}

function parseFailedBoot(record: JsonRecord): FailedBoot | undefined {
  const failed = asJsonRecord(record['failed']);
  if (record['version'] !== 1 || failed === undefined) return undefined;
  const { deployment, at, reason } = failed;
  if (typeof deployment !== 'string' || typeof at !== 'string' || typeof reason !== 'string')
    return undefined;
  const text = (name: string): string | undefined => {
    const value = failed[name];
    return typeof value === 'string' ? value : undefined;
  };
  const health = asJsonRecord(failed['health']);
  return {
    deployment,
    image: text('image'),
    version: text('version'),
    manifestDigest: text('manifestDigest'),
    at,
    reason,
    health: health === undefined ? undefined : parseHealthReport(health),
  };
}
