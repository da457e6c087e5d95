import type { SimulationSummary } from '@slipway/agent';

/** What simulated devices did, in words. */
export function simulationWords(summary: SimulationSummary): readonly string[] {
  const { devices, enrolled, checkIns, restarts, updates, images } = summary;
  return [
    `${enrolled} of ${devices} devices enrolled, ${checkIns.answered} check-ins answered, ${checkIns.failed} failed`,
    `${updates.succeeded} updates succeeded, ${updates.failed} failed, ${restarts} restarts`,
    ...Object.entries(images).map(([digest, count]) => `${count} run ${digest}`),
  ];
}
