import type { AdoptionResult, AdoptionStepTold, GiveBackResult, GiveBackStepTold } from '@slipway/host';

/** One line a step, and what follows from them. */
export function adoptionWords({ kind, steps }: AdoptionResult): readonly string[] {
  if (kind === 'nothing-to-do') return ["nothing of bootc's boots here: this host is Slipway's"];
  const lines = stepWords(steps, kind === 'would-adopt');
  if (kind === 'would-adopt') return lines;
  return [...lines, "this host is Slipway's: slipway status shows what it has"];
}

/** The same of the way back. */
export function giveBackWords({ kind, steps, left }: GiveBackResult): readonly string[] {
  if (kind === 'nothing-to-do') return ["this host is bootc's"];
  const lines = [
    ...stepWords(steps, kind === 'would-give-back'),
    ...left.map((id) => `bootc will remove the deployment ${id.slice(0, 12)}: it keeps two`),
  ];
  if (kind === 'would-give-back') return lines;
  return [...lines, "this host is bootc's: bootc status shows what it has"];
}

function stepWords(
  steps: readonly (AdoptionStepTold | GiveBackStepTold)[],
  isDryRun: boolean,
): readonly string[] {
  const would = isDryRun ? 'would ' : '';
  return steps.flatMap((step) => {
    if (!('deployment' in step)) return [];
    return [`${would}${stepWord(step)}`];
  });
}

function stepWord(
  step: Extract<AdoptionStepTold | GiveBackStepTold, { readonly deployment: string }>,
): string {
  const of = `of ${step.deployment.slice(0, 12)}`;
  if (step.kind === 'write-entry') return `write the boot entry ${step.fileName} ${of}`;
  if (step.kind === 'remove-entry') return `remove the boot entry ${step.fileName} ${of}`;
  if (step.kind === 'write-kernel') return `write the kernel ${of} to ${step.directory}`;
  return `write what bootc wants to know ${of} to the object store`;
}
