import { FleetProblem } from '@slipway/fleet-api';

const TRIES = 2;

/** A refusal is an answer and is not asked for again; a server that cannot be reached is. */
export function shouldRetry(failures: number, error: Error): boolean {
  return failures < TRIES && !(error instanceof FleetProblem && error.problem.status < 500);
}

export function isUnauthorized(error: Error | null): boolean {
  return error instanceof FleetProblem && error.problem.status === 401;
}
