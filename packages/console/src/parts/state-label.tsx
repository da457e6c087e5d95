import { Label } from '@patternfly/react-core';
import type { ReactNode } from 'react';

type Color = 'green' | 'blue' | 'orange' | 'red' | 'grey' | 'purple';

/** What states mean for who looks: green is well, blue under way, orange wants attention, red is broken. */
const COLORS: Readonly<Record<string, Color>> = {
  online: 'green',
  stale: 'orange',
  offline: 'red',
  never: 'grey',
  'up-to-date': 'green',
  'out-of-date': 'orange',
  updating: 'blue',
  failed: 'red',
  healthy: 'green',
  degraded: 'orange',
  passed: 'green',
  skipped: 'grey',
  scheduled: 'purple',
  'awaiting-approval': 'orange',
  running: 'blue',
  paused: 'orange',
  halted: 'red',
  'rolling-back': 'orange',
  succeeded: 'green',
  aborted: 'grey',
  'rolled-back': 'orange',
  superseded: 'grey',
  waiting: 'grey',
  soaking: 'purple',
  done: 'green',
  pending: 'grey',
  approved: 'green',
  rejected: 'red',
  refused: 'orange',
  applied: 'green',
  drifted: 'orange',
  delivered: 'green',
  disabled: 'grey',
};

export function StateLabel({ state }: { readonly state: string }): ReactNode {
  return (
    <Label isCompact color={COLORS[state] ?? 'grey'}>
      {state.replaceAll('-', ' ')}
    </Label>
  );
}
