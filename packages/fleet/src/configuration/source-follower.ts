import { DueJobs } from '../server/due-jobs.ts';
import type { Services } from '../server/services.ts';
import { type ConfigSource, nameOf } from './config-source.ts';
import { lookAtSources } from './look-at-source.ts';
import { claimSources, dueSources, type SourceLook, saveLooks } from './source-store.ts';

/**
 * Looks at what configurations take from elsewhere as long as the server runs. Any number of replicas may: a look is taken by whoever
 * moves its time on, and one that a power cut ended is taken again.
 */
export function followSources(services: Services): AsyncDisposable {
  const { database, clock, ending, log } = services;
  return new DueJobs({
    due: async (limit) => {
      const rows = await dueSources(database.reads, clock.nowMs(), limit);
      return rows.map((row) => async () => {
        const claimed = await claimSources(database, row, clock.nowMs());
        const looks = await lookAtSources(services, claimed);
        // A look the end of the server cut short says nothing about the source: another takes it again.
        if (ending.aborted || looks.length === 0) return;
        await saveLooks(database, looks, told, clock.nowMs());
        services.hub.poke();
      });
    },
    ending,
    log,
    complaint: 'cannot look at sources of configurations',
  });
}

function told({ row, kept }: SourceLook): string {
  const name = nameOf(JSON.parse(row.source) as ConfigSource);
  return kept.problem === null
    ? `the configuration of fleet ${row.fleet} changed: ${name}`
    : `the configuration of fleet ${row.fleet} cannot follow ${name}: ${kept.problem}`;
}
