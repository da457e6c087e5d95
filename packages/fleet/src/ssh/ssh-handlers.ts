import type { DeviceSshAnswer, DeviceSshAsk, SshCalls } from '@slipway/fleet-api';
import { appendAudit } from '../audit/chain.ts';
import { type CheckInRow, loadDevice } from '../devices/check-in-row.ts';
import { unauthenticated } from '../devices/device-identity.ts';
import { addToTimeline } from '../devices/timeline.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import type { IssuedSsh } from './ssh-authority.ts';
import { principalsOfDevice, principalsOfPerson } from './ssh-principals.ts';
import { readSshPublicKey } from './ssh-public-key.ts';
import { rememberSshCertificate, sshRevocations } from './ssh-revocations.ts';

/** A working day. */
const PERSON_SECONDS = 8 * 3600;
const HOST_LIFE_MS = 30 * 86_400_000;

export const SSH_HANDLERS: Handlers<SshCalls> = {
  'ssh.authorities': async ({ context }) => ({ body: context.services.sshAuthority.authorities }),

  'ssh.revocations': async ({ context }) => ({
    body: await sshRevocations(context, context.identity.organisation),
  }),

  'ssh.certify': async ({ body, context }) => {
    const { identity, nowMs, services } = context;
    const publicKey = readSshPublicKey(body.publicKey);
    const principals = await principalsOfPerson(context, body.devices);
    const keyId = `${identity.actor}@${identity.organisation}`;
    const wantedMs = nowMs + (body.validSeconds ?? PERSON_SECONDS) * 1000;
    // Who is logged out has no way left.
    const untilMs = Math.min(wantedMs, identity.expiresMs ?? wantedMs);
    const issued = services.sshAuthority.issue({ kind: 'user', publicKey, keyId, principals }, untilMs);
    const { certificate, serial } = issued;
    const notAfter = timeOf(issued);
    await rememberSshCertificate(
      context.queries,
      {
        serial,
        organisation: identity.organisation,
        kind: 'user',
        holder: identity.actor,
        owner: identity.user,
        public_key: null,
        until_ms: issued.untilMs,
      },
      nowMs,
    );
    const shown = principals.length > SHOWN ? [...principals.slice(0, SHOWN), '…'] : principals;
    context.audit(`SshCertificate/${serial}`, { keyId, principals: shown.join(' '), notAfter });
    return { body: { certificate, serial, keyId, principals, notAfter } };
  },

  'device.ssh': async ({ body, context }) => ({ body: await answerDevice(context, body) }),
};

/** More than a few stand in the certificate, which the logs of the hosts name by its serial number. */
const SHOWN = 16;

/**
 * The certificate of a host is for the name of the device, which is made of its key: a name a host may choose for itself would let it
 * pass for another.
 */
async function answerDevice(
  context: CallContext,
  { hostKey, renew }: DeviceSshAsk,
): Promise<DeviceSshAnswer> {
  const { services, nowMs } = context;
  const device = await loadDevice(context);
  if (device.lifecycle !== 'enrolled') throw unauthenticated('it is decommissioned');
  const publicKey = readSshPublicKey(hostKey);
  const { authorities } = services.sshAuthority;
  const principals = principalsOfDevice(device);
  const { list: revoked } = await sshRevocations(context, device.organisation);
  const letIn = { userAuthority: authorities.user, principals, revoked };
  if (!renew) return { certificate: null, notAfter: null, ...letIn };
  const issued = services.sshAuthority.issue(
    { kind: 'host', publicKey, keyId: `device:${device.name}`, principals: [device.name] },
    nowMs + HOST_LIFE_MS,
  );
  await recordHost(context, device, issued, publicKey);
  return { certificate: issued.certificate, notAfter: timeOf(issued), ...letIn };
}

async function recordHost(
  { services, nowMs, address }: CallContext,
  { name, organisation }: CheckInRow,
  issued: IssuedSsh,
  publicKey: Buffer,
): Promise<void> {
  await services.database.transact(async (transaction) => {
    // Who decommissions it waits for this, or this for that: no certificate is signed that nobody will revoke.
    const stillThere = await transaction
      .updateTable('devices')
      .set((row) => ({ revision: row.ref('revision') }))
      .where('name', '=', name)
      .where('lifecycle', '=', 'enrolled')
      .returning('name')
      .execute();
    if (stillThere.length === 0) throw unauthenticated('it is decommissioned');
    await rememberSshCertificate(
      transaction,
      {
        serial: issued.serial,
        organisation,
        kind: 'host',
        holder: name,
        owner: null,
        public_key: publicKey.toString('base64'),
        until_ms: issued.untilMs,
      },
      nowMs,
    );
    await appendAudit(transaction, {
      organisation,
      atMs: nowMs,
      actor: `device:${name}`,
      address,
      action: 'device.ssh',
      target: `SshCertificate/${issued.serial}`,
      outcome: 'done',
      detail: { keyId: `device:${name}`, principals: name, notAfter: timeOf(issued) },
    });
    await addToTimeline(transaction, {
      device: name,
      atMs: nowMs,
      what: 'ssh-certificate',
      message: `certificate of its ssh server until ${timeOf(issued)}`,
    });
  });
}

function timeOf({ untilMs }: IssuedSsh): string {
  return new Date(untilMs).toISOString();
}
