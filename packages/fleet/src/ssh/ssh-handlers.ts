import type { DeviceSshAnswer, DeviceSshAsk, SshCalls } from '@slipway/fleet-api';
import { appendAudit } from '../audit/chain.ts';
import { type CheckInRow, loadDevice } from '../devices/check-in.ts';
import { unauthenticated } from '../devices/device-identity.ts';
import { addToTimeline } from '../devices/timeline.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import type { IssuedSsh } from './ssh-authority.ts';
import { principalsOfDevice, principalsOfPerson } from './ssh-principals.ts';
import { readSshPublicKey } from './ssh-public-key.ts';

/** A working day. */
const PERSON_SECONDS = 8 * 3600;
const HOST_LIFE_MS = 30 * 86_400_000;

export const SSH_HANDLERS: Handlers<SshCalls> = {
  'ssh.authorities': async ({ context }) => ({ body: context.services.sshAuthority.authorities }),

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
  if (!renew) return { certificate: null, notAfter: null, userAuthority: authorities.user, principals };
  const issued = services.sshAuthority.issue(
    { kind: 'host', publicKey, keyId: `device:${device.name}`, principals: [device.name] },
    nowMs + HOST_LIFE_MS,
  );
  await recordHost(context, device, issued);
  return {
    certificate: issued.certificate,
    notAfter: timeOf(issued),
    userAuthority: authorities.user,
    principals,
  };
}

async function recordHost(
  { services, nowMs, address }: CallContext,
  { name, organisation }: CheckInRow,
  issued: IssuedSsh,
): Promise<void> {
  await services.database.transact(async (transaction) => {
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
