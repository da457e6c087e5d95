/** Why a host cannot change hands: everything at once, so that nobody comes back for the next reason. */
import { SlipwayError } from '@slipway/core';

/** One reason, and what to do about it. */
export interface Obstacle {
  readonly what: string;
  readonly hint: string;
}

/** @param action in the words of an error: `adopt this host` */
export function refusal(action: string, obstacles: readonly Obstacle[]): SlipwayError {
  const reasons = obstacles.map(({ what }) => what);
  const hints = [...new Set(obstacles.map(({ hint }) => hint))];
  return new SlipwayError('ADOPTION_REFUSED', `cannot ${action}: ${reasons.join('; ')}`, {
    hint: hints.join('; '),
    details: { obstacles: reasons.join('\n') },
  });
}
