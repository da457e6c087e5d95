import type { ObservedHost } from '../plan/situation.ts';
import type { Executors } from '../plan/step.ts';

/** The host an agent looks after: the machine it runs on, or one that is played. */
export interface AgentHost {
  observe(): Promise<ObservedHost>;
  readonly executors: Executors;
}
