/** Is this boot good? The machine's and the image's own checks say. */
import { isoTime } from '@slipway/core';
import { requireBootedId } from '../deployment.ts';
import type { HostSystem } from '../system.ts';
import { type CheckResult, type HealthReport, writeHealthReport } from './report.ts';
import { runHealthScripts, type ScriptOptions } from './run-scripts.ts';
import { GREENBOOT_DIRECTORIES, listHealthScripts } from './scripts.ts';

/** How to check. */
export interface CheckHealthOptions extends ScriptOptions {
  /** In place of {@link GREENBOOT_DIRECTORIES}. */
  readonly directories?: readonly string[];
}

/**
 * Runs the required checks, then the wanted ones, in the order of their names, and writes the report down for this boot.
 * All required checks run even when one fails, so that the report tells everything; the wanted ones run when all of those passed.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST
 */
export async function checkHealth(system: HostSystem, options: CheckHealthOptions): Promise<HealthReport> {
  const deployment = await requireBootedId(system);
  const required = await runChecks('required', options);
  const good = required.every(({ result }) => result === 'passed');
  const wanted = good ? await runChecks('wanted', options) : [];
  const report: HealthReport = {
    outcome: good ? 'good' : 'bad',
    deployment,
    boot: await system.bootId(),
    at: isoTime(system.clock),
    checks: [...required, ...wanted],
  };
  await writeHealthReport(system, report);
  return report;
}

async function runChecks(
  kind: CheckResult['kind'],
  options: CheckHealthOptions,
): Promise<readonly CheckResult[]> {
  const scripts = await listHealthScripts(`check/${kind}.d`, options.directories ?? GREENBOOT_DIRECTORIES);
  return (await runHealthScripts(scripts, options)).map((result) => ({ ...result, kind }));
}

/** Runs the scripts of `green.d`: what the image or the machine wants done after a boot that was found good. */
export async function followGoodBoot(options: CheckHealthOptions): Promise<void> {
  await runHealthScripts(await listHealthScripts('green.d', options.directories), options);
}
