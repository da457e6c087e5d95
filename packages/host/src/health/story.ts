/** What a host tells of the last time it went back by itself. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, messageOf } from '@slipway/core';
import type { HistoryRecord } from '../history.ts';
import type { HostSystem } from '../system.ts';

/** The host went back from a deployment by itself. */
export interface FallbackStory {
  /** What did not come up. */
  readonly deployment: string;
  readonly image: string | null;
  readonly version: string | null;
  /** ISO time, UTC: when the deployment before it was running again. */
  readonly at: string;
  readonly reason: string;
}

/** What ends the story: something newer was put in place since. */
const ENDS = ['finalized', 'rollback-queued'];
const MOTD = 'motd.d/slipway';

/** The last time the host went back by itself, unless something newer was put in place since. */
export function lastFallback(history: readonly HistoryRecord[]): FallbackStory | undefined {
  const last = history.findLast(
    ({ event }) => event === 'rolled-back-by-boot-loader' || ENDS.includes(event),
  );
  if (last?.event !== 'rolled-back-by-boot-loader' || last.deployment === undefined) return undefined;
  const staged = history.findLast(
    ({ event, deployment, image }) =>
      deployment === last.deployment && image !== undefined && event !== 'removed',
  );
  return {
    deployment: last.deployment,
    image: last.image ?? staged?.image ?? null,
    version: last.version ?? staged?.version ?? null,
    at: last.time,
    reason: last.reason ?? 'it did not come up',
  };
}

/** The story for whoever logs in. */
export function fallbackWords({ image, version, deployment, at, reason }: FallbackStory): readonly string[] {
  const name = [
    image ?? `deployment ${deployment.slice(0, 12)}`,
    version === null ? '' : `(version ${version})`,
  ];
  return [
    `This host went back to the deployment before by itself, ${at}.`,
    `What failed: ${name.filter((word) => word !== '').join(' ')}: ${reason}`,
    'slipway health tells more; slipway upgrade fetches what is newer.',
  ];
}

/** Puts the story where a login shows it, or takes it away. Gone at reboot; not being able to is no failure of the work. */
export async function publishStory(
  system: HostSystem,
  story: FallbackStory | undefined,
  log: Logger,
): Promise<void> {
  // /run/motd.d, beside our own directory of /run: what pam_motd shows.
  const path = join(system.runDirectory, '..', MOTD);
  try {
    await rm(path, { force: true });
    if (story === undefined) return;
    await mkdir(join(path, '..'), { recursive: true, mode: 0o755 });
    const printable = fallbackWords(story).map((line) => line.replaceAll(/[^\x20-\x7e]/g, '?'));
    await writeFile(path, `${printable.join('\n')}\n`, { mode: 0o644 });
  } catch (thrown) {
    log.warn('what happened was not written down for those who log in', { reason: messageOf(thrown) });
  }
}
