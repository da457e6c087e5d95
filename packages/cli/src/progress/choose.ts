import { type Clock, type ProgressSink, silentProgress } from '@slipway/core';
import type { GlobalInput } from '../command/global-options.ts';
import type { Screen } from '../output/screen.ts';
import { barProgress } from './bars.ts';
import { jsonProgress } from './json-lines.ts';
import { plainProgress } from './plain.ts';

/** What decides how progress is shown. */
export interface ProgressWorld {
  readonly stderr: { readonly isTerminal: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** The renderer asked for; by itself bars on a terminal that can draw them, lines elsewhere, nothing when quiet. */
export function chooseProgress(globals: GlobalInput, world: ProgressWorld, screen: Screen): ProgressSink {
  const write = (line: string): void => screen.line(line);
  const drawable = world.stderr.isTerminal && world.env['TERM'] !== 'dumb';
  const automatic = globals.quiet ? 'none' : drawable ? 'tty' : 'plain';
  const chosen = globals.progress === 'auto' ? automatic : globals.progress;
  if (chosen === 'tty') return barProgress(screen, world.clock);
  if (chosen === 'plain') return plainProgress(write, world.clock);
  return chosen === 'json' ? jsonProgress(write, world.clock) : silentProgress;
}
