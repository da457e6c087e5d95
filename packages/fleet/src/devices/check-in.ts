import type { CheckIn, CheckInAnswer, DesiredState, DeviceReport, DeviceSpec } from '@slipway/fleet-api';
import { recordEvents } from '../events/event-hub.ts';
import type { CallContext } from '../http/handler.ts';
import { type CheckInRow, loadDevice } from './check-in-row.ts';
import { configOf } from './device-config.ts';
import { DEFAULT_INTERVAL_SECONDS } from './device-state.ts';
import { reportColumns } from './report-columns.ts';
import { addToTimeline } from './timeline.ts';
import { desiredStateOf, orderOf } from './update-order.ts';

/** A certificate is renewed when this share of its life is left. */
const RENEW_SHARE = 1 / 3;

/**
 * Takes what a device says and tells it what it should be. When nothing changed on either side this is one read by key and no write.
 */
export async function checkIn(context: CallContext, said: CheckIn): Promise<CheckInAnswer> {
  const { services, address } = context;
  let device = await loadDevice(context);
  if (device.lifecycle === 'decommissioned') return await farewell(context, device, said);
  if (device.previous_serial !== null && device.certificate_serial === context.device?.serial)
    await endPrevious(context, device);
  const fleet =
    device.fleet === null
      ? undefined
      : await services.fleets.get(device.organisation, device.fleet, context.nowMs);
  const intervalSeconds = fleet?.spec.intervalSeconds ?? DEFAULT_INTERVAL_SECONDS;
  services.presence.saw(device.name, context.nowMs, address, intervalSeconds);
  const isNews = said.report !== undefined && said.reportTag !== device.report_tag;
  if (isNews && said.report !== undefined) {
    await saveReport(context, device, said.report, said.reportTag);
    device = { ...device, report_tag: said.reportTag };
  }
  services.metrics.checkIns.inc({ outcome: isNews ? 'news' : 'unchanged' });
  const reportWanted = device.report_tag !== said.reportTag;
  if (!reportWanted && said.waitSeconds !== undefined && said.waitSeconds > 0) {
    using waiter = services.waiters.register(device.name);
    device = await loadDevice(context);
    if ((await tagOf(context, device)) === said.desiredTag) {
      await waiter.wait(said.waitSeconds * 1000, context.signal());
      device = await loadDevice(context);
    }
  }
  return await answer(context, device, said, { reportWanted, intervalSeconds });
}

/** The new certificate is used: the one before is good for nothing from now on. A power cut before leaves both good until the next check-in. */
async function endPrevious(
  { services }: CallContext,
  { name, certificate_serial: serial }: CheckInRow,
): Promise<void> {
  await services.database.transact(
    async (transaction) =>
      await transaction
        .updateTable('devices')
        .set({ previous_serial: null })
        .where('name', '=', name)
        .where('certificate_serial', '=', serial)
        .execute(),
  );
}

async function farewell(context: CallContext, device: CheckInRow, said: CheckIn): Promise<CheckInAnswer> {
  return await answer(context, device, said, { reportWanted: false, intervalSeconds: 3600 });
}

async function answer(
  context: CallContext,
  device: CheckInRow,
  said: CheckIn,
  rest: Pick<CheckInAnswer, 'reportWanted' | 'intervalSeconds'>,
): Promise<CheckInAnswer> {
  const tag = await tagOf(context, device);
  const nowMs = context.services.clock.nowMs();
  const leftMs = (context.device?.untilMs ?? 0) - nowMs;
  return {
    desiredTag: tag,
    ...(said.desiredTag === tag ? {} : { desired: (await desiredOf(context, device)).desired }),
    ...rest,
    renewCertificate:
      device.lifecycle === 'enrolled' && leftMs < context.services.settings.certificateLifeMs * RENEW_SHARE,
    serverTime: new Date(nowMs).toISOString(),
  };
}

/** Names the desired state without making it: revisions of all it is made from. */
async function tagOf({ services, nowMs }: CallContext, device: CheckInRow): Promise<string> {
  const fleet =
    device.fleet === null ? undefined : await services.fleets.get(device.organisation, device.fleet, nowMs);
  const { hold } = JSON.parse(device.spec) as DeviceSpec;
  const holdEnds = hold?.until !== undefined && Date.parse(hold.until) <= nowMs ? '.free' : '';
  const sources = fleet === undefined || fleet.sources.tag === '' ? '' : `.${fleet.sources.tag}`;
  return `${device.revision}.${device.order_revision}.${device.fleet ?? ''}.${fleet?.revision ?? 0}${sources}${holdEnds}`;
}

/** What a device should be, and the name of that. The name is taken first: what changes in between has another. */
export async function desiredOf(
  context: CallContext,
  device: CheckInRow,
): Promise<{ readonly desired: DesiredState; readonly tag: string }> {
  const tag = await tagOf(context, device);
  const desired = desiredStateOf({
    spec: JSON.parse(device.spec) as DeviceSpec,
    order: orderOf(device.update_order),
    denied: JSON.parse(device.denied) as readonly string[],
    config: await configOf(context, device),
    isDecommissioned: device.lifecycle === 'decommissioned',
    nowMs: context.nowMs,
  });
  return { desired, tag };
}

/** Writes what a device says about itself, with what it means for its timeline, in one transaction. */
async function saveReport(
  context: CallContext,
  device: CheckInRow,
  report: DeviceReport,
  tag: string,
): Promise<void> {
  const { services, nowMs } = context;
  await services.database.transact(async (transaction) => {
    const columns = await reportColumns(transaction, device.organisation, JSON.stringify(report), tag);
    await transaction
      .updateTable('devices')
      .set((row) => ({
        ...columns,
        report_revision: row('report_revision', '+', 1),
        updated_ms: nowMs,
      }))
      .where('name', '=', device.name)
      .execute();
    const happened = happenings(device, report);
    for (const entry of happened) {
      await addToTimeline(transaction, {
        ...entry,
        device: device.name,
        atMs: nowMs,
        release: columns.release,
      });
    }
    if (happened.length === 0) return;
    const message = happened.map((entry) => entry.message).join('; ');
    const event = {
      organisation: device.organisation,
      kind: 'Device',
      name: device.name,
      what: 'changed' as const,
      message,
      fleet: device.fleet,
    };
    await recordEvents(transaction, [event], nowMs);
  });
  services.hub.poke();
}

/** What a report says that was not so before. */
function happenings(
  device: CheckInRow,
  report: DeviceReport,
): readonly { readonly what: string; readonly message: string }[] {
  const found: { what: string; message: string }[] = [];
  const booted = report.image.booted?.digest ?? null;
  if (booted !== device.booted_digest)
    found.push({ what: 'booted', message: `booted ${booted ?? 'something that is no image'}` });
  const { phase, failure } = report.update;
  if (phase !== device.phase)
    found.push({
      what: `update-${phase}`,
      message: `update: ${phase}${failure === undefined ? '' : `: ${failure.message}`}`,
    });
  return found;
}
