import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { SlipwayError } from '@slipway/core';

/** The device that asks, by its certificate. */
export interface DeviceIdentity {
  readonly name: string;
  readonly organisation: string;
  readonly serial: string;
  readonly untilMs: number;
}

const known = new WeakMap<TLSSocket, DeviceIdentity>();

/**
 * Who is at the other end of a connection. TLS has checked the chain and that the key is there when the connection began; that the
 * certificate has not ended since is looked at with every request, and whether it is still the device's is the database's to say.
 *
 * @throws SlipwayError FLEET_UNAUTHENTICATED
 */
export function deviceIdentityOf(socket: TLSSocket, nowMs: number): DeviceIdentity {
  const identity = known.get(socket) ?? readIdentity(socket);
  known.set(socket, identity);
  if (identity.untilMs <= nowMs) throw unauthenticated('its certificate has ended');
  return identity;
}

function readIdentity(socket: TLSSocket): DeviceIdentity {
  const certificate = socket.authorized ? socket.getPeerX509Certificate?.() : undefined;
  if (certificate === undefined) throw unauthenticated('it shows no certificate of this fleet');
  const subject = fieldsOf(certificate);
  const { CN: name, O: organisation } = subject;
  if (
    name === undefined ||
    organisation === undefined ||
    certificate.subjectAltName !== `URI:urn:slipway:device:${name}`
  ) {
    throw unauthenticated('its certificate is not that of a device');
  }
  return { name, organisation, serial: certificate.serialNumber, untilMs: Date.parse(certificate.validTo) };
}

function fieldsOf({ subject }: X509Certificate): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(subject.split('\n').map((line) => line.split('=', 2)));
}

export function unauthenticated(why: string): SlipwayError {
  return new SlipwayError('FLEET_UNAUTHENTICATED', `cannot take the device for one of this fleet: ${why}`, {
    hint: 'enrol it again',
  });
}
