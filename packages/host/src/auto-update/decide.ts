/** What a host should do about updates now: a pure judgement. */
import { isoTime } from '@slipway/core';
import { UPDATE_MODES, type UpdateMode, type UpdatePolicy } from './policy.ts';
import { isInWindow } from './window.ts';

/** What keeps people or programs from being interrupted now. */
export interface UpdateSurroundings {
  /** Users with a session. */
  readonly users: readonly string[];
  /** Who holds an inhibitor lock against shutdown. */
  readonly inhibitors: readonly string[];
  /** Bytes cost something on the network this host is on. */
  readonly metered: boolean;
}

/** How far to go now, and why no further. */
export interface UpdateDecision {
  readonly action: UpdateMode;
  /** One sentence. */
  readonly because: string;
}

/**
 * How far an update may go now.
 *
 * Held, or on a metered network: only looked for. Outside every window: fetched, so that the window is for the change alone; what was fetched waits and no
 * reboot for another reason brings it. Blocked: staged, and the reboot is whoever's is next.
 */
export function decideUpdate(
  policy: UpdatePolicy,
  nowMs: number,
  around: UpdateSurroundings,
): UpdateDecision {
  const { mode, windows, timeZone, holdUntilMs } = policy;
  const atMost = (limit: UpdateMode, because: string): UpdateDecision | undefined =>
    UPDATE_MODES.indexOf(mode) > UPDATE_MODES.indexOf(limit) ? { action: limit, because } : undefined;
  const limits = [
    holdUntilMs !== undefined && nowMs < holdUntilMs
      ? atMost('check', `updates are held until ${isoTime({ nowMs: () => holdUntilMs })}`)
      : undefined,
    policy.blockWhile.includes('metered') && around.metered
      ? atMost('check', 'the network is metered')
      : undefined,
    windows.length > 0 && !windows.some((window) => isInWindow(window, nowMs, timeZone))
      ? atMost('download', 'no window is open')
      : undefined,
    ...blockers(policy, around).map((because) => atMost('stage', because)),
  ];
  return limits.find((limit) => limit !== undefined) ?? { action: mode, because: `the policy says ${mode}` };
}

function blockers(
  { blockWhile }: UpdatePolicy,
  { users, inhibitors }: UpdateSurroundings,
): readonly string[] {
  return [
    ...(blockWhile.includes('users') && users.length > 0 ? [`logged in: ${users.join(', ')}`] : []),
    ...(blockWhile.includes('inhibitors') && inhibitors.length > 0
      ? [`held by ${inhibitors.join(', ')}`]
      : []),
  ];
}
