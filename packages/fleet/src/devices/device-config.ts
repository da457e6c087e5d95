import type { DesiredState, DeviceReport, Labels } from '@slipway/fleet-api';
import { NO_CONFIG, type RenderedConfig, renderConfig } from '../configuration/render-config.ts';
import type { DeviceRow } from '../database/tables.ts';
import type { CallContext } from '../http/handler.ts';

/** What of a device its configuration comes of. */
type ConfiguredRow = Pick<
  DeviceRow,
  'name' | 'organisation' | 'labels' | 'fleet' | 'lifecycle' | 'config_problem'
>;

/**
 * The configuration a device is told, and in its row why it is not what its fleet says. Where that cannot be said it is told to keep
 * what it has, under the digest it reported.
 */
export async function configOf(context: CallContext, device: ConfiguredRow): Promise<DesiredState['config']> {
  const { config, problem } = await rendered(context, device);
  if (problem !== device.config_problem) await keepProblem(context, device, problem);
  if (config !== undefined) return config;
  return {
    ...NO_CONFIG,
    digest: await reportedDigest(context, device),
    problem: problem ?? 'the configuration is not known',
  };
}

async function rendered(
  { services, nowMs }: CallContext,
  { name, organisation, labels, fleet, lifecycle }: ConfiguredRow,
): Promise<RenderedConfig> {
  const known =
    fleet === null || lifecycle === 'decommissioned'
      ? undefined
      : await services.fleets.get(organisation, fleet, nowMs);
  if (fleet === null || known === undefined) return { config: NO_CONFIG, problem: null };
  return await renderConfig(
    services,
    { name, organisation, labels: JSON.parse(labels) as Labels },
    { name: fleet, ...known },
  );
}

/** A power cut before the commit leaves the reason of before until the device is told anew. */
async function keepProblem(
  { services, nowMs }: CallContext,
  { name }: ConfiguredRow,
  problem: string | null,
): Promise<void> {
  await services.database.transact(
    async (transaction) =>
      await transaction
        .updateTable('devices')
        .set({ config_problem: problem, updated_ms: nowMs })
        .where('name', '=', name)
        .execute(),
  );
}

async function reportedDigest({ services }: CallContext, { name }: ConfiguredRow): Promise<string | null> {
  const row = await services.database.reads
    .selectFrom('devices')
    .select('report')
    .where('name', '=', name)
    .executeTakeFirst();
  const report = row?.report == null ? undefined : (JSON.parse(row.report) as DeviceReport);
  return report?.configDigest ?? null;
}
