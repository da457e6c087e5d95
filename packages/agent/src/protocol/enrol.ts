import { SlipwayError } from '@slipway/core';
import { type EnrolmentAnswer, type EnrolmentAsk, FleetClient } from '@slipway/fleet-api';
import { pause } from '../run/pause.ts';
import { HttpsTransport } from './https-transport.ts';
import type { DeviceIdentity } from './identity.ts';

/** Where a host asks to become a device, and as what. */
export interface EnrolOptions {
  readonly server: string;
  readonly authority?: string | undefined;
  readonly key: string;
  readonly ask: Omit<EnrolmentAsk, 'csr'>;
  readonly signal: AbortSignal;
  /** It waits in the lobby: a person has to look there. */
  readonly onPending?: (answer: EnrolmentAnswer) => Promise<void>;
}

/**
 * Asks to become a device and waits until somebody decides. The same key may ask again at any time: after a power cut it gets
 * the same answer.
 *
 * @throws SlipwayError FLEET_FORBIDDEN when it is rejected
 * @throws FleetProblem when the server refuses, as with a token that is used up
 */
export async function enrol(options: EnrolOptions): Promise<DeviceIdentity> {
  const { server, authority, key, ask, signal } = options;
  using transport = new HttpsTransport({ authority });
  const client = new FleetClient({ url: server, transport: transport.send });
  // Much memory for what is done once.
  const { certificateRequest } = await import('./device-key.ts');
  const csr = await certificateRequest(key);
  let answer = await client.call('enrol.ask', { body: { csr, ...ask }, signal });
  while (answer.state === 'pending') {
    await options.onPending?.(answer);
    await pause(answer.pollSeconds * 1000, signal);
    answer = await client.call('enrol.poll', { params: { name: answer.name }, signal });
  }
  if (answer.state === 'rejected' || answer.certificate === null) {
    throw new SlipwayError(
      'FLEET_FORBIDDEN',
      `cannot enrol: ${answer.reason ?? 'the fleet rejects this host'}`,
      {
        hint: 'an administrator may approve it after all, in the console or by slipway fleet approve',
      },
    );
  }
  const { name, certificate } = answer;
  return { name, key, certificate, authority: authority ?? answer.authority ?? '' };
}
