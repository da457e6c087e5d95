import type { AdoptionResult } from '@slipway/host';

/** One line a step, and what follows from them. */
export function adoptionWords({ kind, steps }: AdoptionResult): readonly string[] {
  if (kind === 'nothing-to-do') return ["nothing of bootc's boots here: this host is Slipway's"];
  const would = kind === 'would-adopt' ? 'would ' : '';
  const lines = steps.flatMap((step) => {
    if (step.kind === 'record') return [];
    const verb = step.kind === 'write-entry' ? 'write' : 'remove';
    return [`${would}${verb} the boot entry ${step.fileName} of ${step.deployment.slice(0, 12)}`];
  });
  if (kind === 'would-adopt') return lines;
  return [...lines, "this host is Slipway's: slipway status shows what it has"];
}
