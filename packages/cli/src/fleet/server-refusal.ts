import { ERRORS, type ErrorCode, SlipwayError } from '@slipway/core';
import { FleetProblem } from '@slipway/fleet-api';

/** Does something at a server; what it refuses is an error as if it had happened here. */
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
