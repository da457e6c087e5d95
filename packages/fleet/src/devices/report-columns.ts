import type { DeviceReport } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { DeviceRow } from '../database/tables.ts';

type ReportColumns = Pick<
  DeviceRow,
  | 'report'
  | 'report_tag'
  | 'architecture'
  | 'booted_digest'
  | 'staged_digest'
  | 'time_zone'
  | 'health'
  | 'update_id'
  | 'release'
  | 'phase'
  | 'failure'
>;

/** What of a report stands in columns of its own, to be selected and counted by. */
export async function reportColumns(
  queries: Queries,
  organisation: string,
  json: string | null,
  tag: string | null,
): Promise<ReportColumns> {
  const report = json === null ? null : (JSON.parse(json) as DeviceReport);
  const digest = report?.image.booted?.digest ?? null;
  const { phase = 'idle', failure, updateId = null } = report?.update ?? {};
  return {
    report: json,
    report_tag: tag,
    architecture: report?.architecture ?? null,
    booted_digest: digest,
    staged_digest: report?.image.staged?.digest ?? null,
    time_zone: report?.timeZone ?? null,
    health: report?.health.state ?? null,
    update_id: updateId,
    release: digest === null ? null : await releaseOf(queries, organisation, digest),
    phase,
    failure: failure === undefined ? null : `${failure.message} (${failure.code})`,
  };
}

async function releaseOf(queries: Queries, organisation: string, digest: string): Promise<string | null> {
  const row = await queries
    .selectFrom('release_digests')
    .select('release')
    .where('organisation', '=', organisation)
    .where('digest', '=', digest)
    .executeTakeFirst();
  return row?.release ?? null;
}
