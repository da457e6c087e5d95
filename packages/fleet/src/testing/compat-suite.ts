import { cincinnatiSuite } from './cincinnati-suite.ts';
import { fleetLockSuite } from './fleet-lock-suite.ts';
import { omahaPayloadSuite } from './omaha-payload-suite.ts';
import { omahaRolloutSuite } from './omaha-rollout-suite.ts';
import { omahaSuite } from './omaha-suite.ts';
import type { Place } from './places.ts';

/** What a server answers to clients of other systems, whatever database it has. */
export function compatSuite(kind: string, place: Place): void {
  fleetLockSuite(kind, place);
  cincinnatiSuite(kind, place);
  omahaSuite(kind, place);
  omahaPayloadSuite(kind, place);
  omahaRolloutSuite(kind, place);
}
