import type { IssuedCertificate } from '@slipway/fleet-api';
import { readCertificateRequest } from '../authority/certificate-request.ts';
import type { CallContext } from '../http/handler.ts';
import { loadDevice } from './check-in-row.ts';
import { unauthenticated } from './device-identity.ts';
import { addToTimeline } from './timeline.ts';

/**
 * A new certificate for a device. The one it was asked with stays good until the new one is used: a power cut on either side between
 * the two leaves the device with one that works.
 */
export async function renewCertificate(context: CallContext, csr: string): Promise<IssuedCertificate> {
  const { services, nowMs } = context;
  const device = await loadDevice(context);
  if (device.lifecycle !== 'enrolled') throw unauthenticated('it is decommissioned');
  const { publicKey, fingerprint } = await readCertificateRequest(csr);
  const { authority, settings, database } = services;
  const issued = await authority.issueDevice(
    device.name,
    device.organisation,
    publicKey,
    settings.certificateLifeMs,
  );
  await database.transact(async (transaction) => {
    await transaction
      .updateTable('devices')
      .set({
        certificate_serial: issued.serial,
        previous_serial: context.device?.serial ?? null,
        certificate_until_ms: issued.untilMs,
        public_key: fingerprint,
      })
      .where('name', '=', device.name)
      .execute();
    // A host that lost its certificate and not its key asks to enrol again, and gets this one.
    await transaction
      .updateTable('enrolments')
      .set({ certificate: issued.certificate })
      .where('name', '=', device.name)
      .where('public_key', '=', fingerprint)
      .execute();
    const message = `certificate renewed until ${new Date(issued.untilMs).toISOString()}`;
    await addToTimeline(transaction, {
      device: device.name,
      atMs: nowMs,
      what: 'certificate-renewed',
      message,
    });
  });
  return {
    certificate: issued.certificate,
    authority: authority.certificate,
    notAfter: new Date(issued.untilMs).toISOString(),
  };
}
