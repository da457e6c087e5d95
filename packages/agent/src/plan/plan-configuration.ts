import type { Situation } from './situation.ts';
import type { Step } from './step.ts';

/**
 * What is to be done about configuration; undefined when nothing. While it is tried nothing else happens: a restart in the middle
 * would prove nothing.
 */
export function planConfiguration({ desired, host, record, nowMs, heardMs }: Situation): Step | undefined {
  const { trial, rejected } = record;
  if (trial !== null) {
    if (heardMs !== null && heardMs > trial.sinceMs) return { kind: 'keep-configuration' };
    return nowMs >= trial.untilMs
      ? { kind: 'revert-configuration' }
      : { kind: 'wait', untilMs: trial.untilMs };
  }
  const { config } = desired;
  if (config.problem !== undefined) return undefined;
  if (config.digest === host.configDigest || config.digest === rejected?.digest) return undefined;
  return { kind: 'configure', config };
}
