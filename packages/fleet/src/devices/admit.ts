import type { DeviceSpec, Labels } from '@slipway/fleet-api';
import { type CertificateRequest, readCertificateRequest } from '../authority/certificate-request.ts';
import type { EnrolmentRow } from '../database/tables.ts';
import type { CallContext } from '../http/handler.ts';
import { DEFAULT_INTERVAL_SECONDS } from './device-state.ts';
import { saveLabels } from './labels.ts';
import { findMembership } from './membership.ts';
import { reportColumns } from './report-columns.ts';
import { addToTimeline } from './timeline.ts';

/** What a host gets when it becomes a device. */
export interface Admission {
  readonly labels: Labels;
  readonly fleet?: string;
}

/**
 * Makes a device of an enrolment, with a certificate, in one transaction: a power cut leaves either a host in the lobby or a device
 * whose certificate waits to be fetched.
 */
export async function admitDevice(
  context: Pick<CallContext, 'queries' | 'services' | 'nowMs' | 'announce'>,
  row: EnrolmentRow,
  admission: Admission,
  decidedBy: string,
  request?: CertificateRequest,
): Promise<void> {
  const { queries, services, nowMs } = context;
  const { authority, settings } = services;
  const { publicKey } = request ?? (await readCertificateRequest(row.csr));
  const issued = await authority.issueDevice(
    row.name,
    row.organisation,
    publicKey,
    settings.certificateLifeMs,
  );
  const spec: DeviceSpec = admission.fleet === undefined ? {} : { fleet: admission.fleet };
  const membership = await findMembership(queries, row.organisation, spec, admission.labels);
  const device = {
    ...membership,
    organisation: row.organisation,
    hostname: row.hostname ?? '',
    labels: JSON.stringify(admission.labels),
    spec: JSON.stringify(spec),
    updated_ms: nowMs,
    lifecycle: 'enrolled',
    certificate_serial: issued.serial,
    previous_serial: null,
    certificate_until_ms: issued.untilMs,
    public_key: row.public_key,
    ...(await reportColumns(queries, row.organisation, row.report, null)),
  };
  await queries
    .insertInto('devices')
    .values({ ...device, name: row.name, revision: 1, created_ms: nowMs, order_revision: 1, denied: '[]' })
    // A device that was decommissioned and is let in again.
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet((old) => ({ ...device, revision: old('devices.revision', '+', 1) })),
    )
    .execute();
  await saveLabels(queries, row.name, admission.labels);
  await queries
    .insertInto('device_presence')
    .values({ device: row.name, seen_ms: 0, address: null, interval_seconds: DEFAULT_INTERVAL_SECONDS })
    .onConflict((conflict) => conflict.column('device').doNothing())
    .execute();
  await queries
    .updateTable('enrolments')
    .set({
      state: 'approved',
      reason: null,
      certificate: issued.certificate,
      decided_by: decidedBy,
      decided_ms: nowMs,
      updated_ms: nowMs,
      revision: row.revision + 1,
    })
    .where('name', '=', row.name)
    .execute();
  await addToTimeline(queries, {
    device: row.name,
    atMs: nowMs,
    what: 'enrolled',
    message: `let in by ${decidedBy}`,
  });
  context.announce({
    kind: 'Device',
    name: row.name,
    what: 'created',
    message: `${row.hostname ?? row.name} became a device`,
    fleet: membership.fleet,
  });
}
