import { sql } from 'kysely';
import type { Queries } from '../database/database.ts';
import type { DeviceStage } from '../rollout/types/state.ts';

/** What one transaction made of devices of rollouts: their stages, by name. */
export type LoggedStep = ReadonlyMap<string, DeviceStage>;

interface LogRow {
  readonly id: number;
  readonly transaction: number;
  readonly device: string;
  readonly stage: DeviceStage;
}

const PAGE = 10_000;

/** Lets PostgreSQL itself write down every change of a device of a rollout, whoever makes it. */
export async function beginStepLog(queries: Queries): Promise<void> {
  await sql`create table step_log (id bigserial primary key, transaction bigint, device text, stage text)`.execute(
    queries,
  );
  await sql`create function log_step() returns trigger language plpgsql as $$ begin
    insert into step_log (transaction, device, stage) values (txid_current(), new.device, new.engine::json->>'stage');
    return null;
  end $$`.execute(queries);
  await sql`create trigger log_step after insert or update on rollout_devices
    for each row execute function log_step()`.execute(queries);
}

/** All steps of one rollout in their order: they hold its row, so none is between the changes of another. */
export async function* loggedSteps(queries: Queries): AsyncGenerator<LoggedStep> {
  let stages = new Map<string, DeviceStage>();
  let [last, transaction] = [0, 0];
  for (;;) {
    const { rows } = await sql<LogRow>`
      select id, transaction, device, stage from step_log where id > ${last} order by id limit ${PAGE}`.execute(
      queries,
    );
    for (const row of rows) {
      if (row.transaction !== transaction && stages.size > 0) {
        yield stages;
        stages = new Map();
      }
      stages.set(row.device, row.stage);
      [last, transaction] = [row.id, row.transaction];
    }
    if (rows.length < PAGE) break;
  }
  if (stages.size > 0) yield stages;
}
