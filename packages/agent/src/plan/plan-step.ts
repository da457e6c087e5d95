import { planConfiguration } from './plan-configuration.ts';
import { planUpdate } from './plan-update.ts';
import type { Situation } from './situation.ts';
import type { Step } from './step.ts';

/**
 * The next step of a host towards what its fleet wants. A pure function, asked anew after every step and every boot: nothing it
 * decides is kept but in the record, so that it goes on wherever a power cut left the host.
 */
export function planStep(situation: Situation): Step {
  if (situation.desired.decommission) return { kind: 'forget' };
  return planConfiguration(situation) ?? planUpdate(situation);
}
