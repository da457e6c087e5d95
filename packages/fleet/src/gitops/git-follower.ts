import type { GitRepositoryRow } from '../database/tables.ts';
import type { LooseHandlers } from '../http/handler.ts';
import { DueJobs } from '../server/due-jobs.ts';
import type { Services } from '../server/services.ts';
import { lookAtRepository } from './look-at-repository.ts';
import { claimRepository, dueRepositories, saveLook } from './repository-store.ts';

/**
 * Follows git repositories as long as the server runs. Any number of replicas may: a look is taken by whoever moves its time on, and
 * one that a power cut ended is taken again.
 */
export function followRepositories(services: Services, handlers: LooseHandlers): AsyncDisposable {
  const { database, clock, ending, log } = services;
  return new DueJobs({
    due: async (limit) => {
      const rows = await dueRepositories(database.reads, clock.nowMs(), limit);
      return rows.map((row) => async () => await look(services, handlers, row));
    },
    ending,
    log,
    complaint: 'cannot look at git repositories',
  });
}

async function look(services: Services, handlers: LooseHandlers, row: GitRepositoryRow): Promise<void> {
  const { database, clock, ending, hub } = services;
  const claimed = await claimRepository(database, row, clock.nowMs());
  if (claimed === undefined) return;
  const found = await lookAtRepository(services, handlers, claimed);
  // A look the end of the server cut short says nothing about the repository: another takes it again.
  if (ending.aborted && found.outcome.state === 'failed') return;
  await saveLook(database, claimed, found, clock.nowMs());
  hub.poke();
}
