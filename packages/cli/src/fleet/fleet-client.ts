import { ERRORS, type ErrorCode, SlipwayError } from '@slipway/core';
import { httpsTransport } from '@slipway/fleet';
import { FleetClient, FleetProblem } from '@slipway/fleet-api';
import { type FleetContext, loadContext } from './context-file.ts';

export function clientOf({ url, secret, authority }: FleetContext): FleetClient {
  return new FleetClient({
    url,
    transport: httpsTransport(authority === undefined ? {} : { authority }),
    headers: () => (secret === '' ? {} : { authorization: `Bearer ${secret}` }),
  });
}

/** Does something at the server of the last login; what it refuses is an error as if it had happened here. */
export async function atServer<Result>(work: (client: FleetClient) => Promise<Result>): Promise<Result> {
  return await asErrors(async () => await work(clientOf(await loadContext())));
}

export async function asErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FleetProblem)) throw error;
    const { code, detail, hint, findings = [] } = error.problem;
    throw new SlipwayError(isKnown(code) ? code : 'FLEET_ANSWER_INVALID', detail, {
      ...(hint === undefined ? {} : { hint }),
      findings,
      cause: error,
    });
  }
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
