/** What the health checks of a boot found. */
import { join } from 'node:path';
import { asJsonRecord, type JsonRecord, readJsonRecord } from '../json-record.ts';
import { writeRunFile } from '../run-file.ts';
import type { HostSystem } from '../system.ts';
import type { ScriptResult } from './run-scripts.ts';

/** A check with its outcome. */
export interface CheckResult extends ScriptResult {
  /** A required check decides whether the boot was good; a wanted one only warns. */
  readonly kind: 'required' | 'wanted';
}

/** The checks of one boot. */
export interface HealthReport {
  /** `bad` when a required check did not pass. */
  readonly outcome: 'good' | 'bad';
  readonly deployment: string;
  /** The kernel's id of the boot. */
  readonly boot: string;
  /** ISO time, UTC. */
  readonly at: string;
  readonly checks: readonly CheckResult[];
}

/** The report of this boot; undefined when there was nothing to check, or not yet. */
export async function readHealthReport(system: HostSystem): Promise<HealthReport | undefined> {
  return readJsonRecord(reportPath(system), parseHealthReport);
}

/** Writes the report of this boot where everyone may read it. Gone at reboot. */
export async function writeHealthReport(system: HostSystem, report: HealthReport): Promise<void> {
  await writeRunFile(reportPath(system), `${JSON.stringify(report, undefined, 2)}\n`);
}

/** A report out of its JSON; undefined when it is none. */
export function parseHealthReport(record: JsonRecord): HealthReport | undefined {
  const { outcome, deployment, boot, at, checks } = record;
  if (outcome !== 'good' && outcome !== 'bad') return undefined;
  if (typeof deployment !== 'string' || typeof boot !== 'string' || typeof at !== 'string') return undefined;
  if (!Array.isArray(checks)) return undefined;
  const parsed = checks.map(parseCheck);
  return parsed.includes(undefined)
    ? undefined
    : { outcome, deployment, boot, at, checks: parsed.filter((check) => check !== undefined) };
}

/** One sentence on the required checks that did not pass; undefined when all did. */
export function failedChecksSentence({ checks }: HealthReport): string | undefined {
  const failed = checks.filter(({ kind, result }) => kind === 'required' && result !== 'passed');
  if (failed.length === 0) return undefined;
  return failed.map(checkSentence).join('; ');
}

function checkSentence({ name, result, exitCode, durationMs, output }: CheckResult): string {
  const how =
    result === 'timed-out'
      ? `did not end in ${Math.round(durationMs / 1000)} s`
      : `failed${exitCode === null ? '' : ` with ${exitCode}`}`;
  const last = output.split('\n').at(-1)?.trim() ?? '';
  return `the required check ${name} ${how}${last === '' ? '' : `: ${last}`}`;
}

function parseCheck(value: unknown): CheckResult | undefined {
  const { name, path, kind, result, exitCode, durationMs, output } = asJsonRecord(value) ?? {};
  if (typeof name !== 'string' || typeof path !== 'string' || typeof output !== 'string') return undefined;
  if (kind !== 'required' && kind !== 'wanted') return undefined;
  if (result !== 'passed' && result !== 'failed' && result !== 'timed-out') return undefined;
  if (exitCode !== null && typeof exitCode !== 'number') return undefined;
  if (typeof durationMs !== 'number') return undefined;
  return { name, path, kind, result, exitCode, durationMs, output };
}

function reportPath(system: HostSystem): string {
  return join(system.runDirectory, 'health.json');
}
