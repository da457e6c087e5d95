import { setTimeout as sleep } from 'node:timers/promises';
import { isSlipwayError, SlipwayError } from '@slipway/core';
import type { FleetClient, NewSession } from '@slipway/fleet-api';
import type { CommandContext } from '../command/spec.ts';
import { safeText } from '../output/safe-text.ts';
import { asErrors } from './server-refusal.ts';

/** What a provider that is asked too often wants (RFC 8628, section 3.5). */
const SLOWER_SECONDS = 5;
const MAX_INTERVAL_SECONDS = 60;

/**
 * Logs in by the identity provider of the server: says where to go and what to type there, and waits.
 *
 * @throws SlipwayError FLEET_UNAUTHENTICATED, FLEET_NOT_FOUND where the server has no identity provider
 */
export async function deviceLogin(client: FleetClient, context: CommandContext): Promise<NewSession> {
  const { signal } = context.operation;
  const begun = await asErrors(async () => await client.call('oidc.deviceStart', { body: {} }));
  const { deviceCode, userCode, verificationUrl } = begun;
  context.print(`open ${safeText(verificationUrl)} in a browser and type ${safeText(userCode)}\n`);
  const untilMs = Date.parse(begun.expiresAt);
  let seconds = Math.max(1, begun.intervalSeconds);
  while (Date.now() < untilMs) {
    await sleep(Math.min(seconds, MAX_INTERVAL_SECONDS) * 1000, undefined, { signal });
    try {
      return await asErrors(async () => await client.call('oidc.devicePoll', { body: { deviceCode } }));
    } catch (error) {
      if (isSlipwayError(error, 'FLEET_TOO_MANY_TRIES')) seconds += SLOWER_SECONDS;
      else if (!isSlipwayError(error, 'FLEET_CONFLICT')) throw error;
    }
  }
  throw new SlipwayError('FLEET_UNAUTHENTICATED', 'cannot log in: nobody typed the code in time', {
    hint: 'begin again',
  });
}
