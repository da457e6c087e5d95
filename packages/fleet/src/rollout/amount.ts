import type { Amount } from './types/policy.ts';

/** An amount of a whole, in numbers; `round` says what happens to a share that is no whole number. Undefined without either. */
export function amountOf(
  { count, share }: Amount,
  whole: number,
  round: (value: number) => number,
): number | undefined {
  const ofShare = share === undefined ? undefined : round(exact(share * whole));
  if (count === undefined || ofShare === undefined) return count ?? ofShare;
  return Math.min(count, ofShare);
}

/** 0.07 of 100 is 7, not 7.000000000000001 and then 8. */
function exact(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) < 1e-9 * Math.max(1, value) ? nearest : value;
}

/** The share of devices that may have been told at a moment, and 1 at the end. */
export function shareOverTime(
  overTime: { readonly startShare: number; readonly durationMs: number } | undefined,
  activeMs: number,
): number {
  if (overTime === undefined) return 1;
  const { startShare, durationMs } = overTime;
  return Math.min(1, startShare + (1 - startShare) * (activeMs / durationMs));
}
