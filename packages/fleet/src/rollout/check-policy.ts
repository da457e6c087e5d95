import { isSlipwayError, SlipwayError } from '@slipway/core';
import type { Amount, RolloutPolicy } from './types/policy.ts';
import { checkWindow, isTimeZone } from './windows.ts';

/**
 * Checks what types cannot say of a policy; everything wrong is reported at once.
 *
 * @throws SlipwayError ROLLOUT_POLICY_INVALID
 */
export function checkPolicy(policy: RolloutPolicy): void {
  const findings = [
    ...batchFindings(policy),
    ...limitFindings(policy),
    ...[...policy.downloadWindows, ...policy.applyWindows].flatMap(windowFindings),
  ];
  if (!isTimeZone(policy.timeZone)) findings.push(`timeZone: there is no time zone ${policy.timeZone}`);
  if (findings.length === 0) return;
  throw new SlipwayError('ROLLOUT_POLICY_INVALID', 'cannot use the rollout policy', {
    findings,
    hint: 'correct what is listed; a limit that is not wanted is left out, not set to zero',
  });
}

function batchFindings({ batches, successThreshold }: RolloutPolicy): readonly string[] {
  const findings: string[] = [];
  const names = new Set(['rest']);
  for (const { name, limit, successThreshold: own = successThreshold, soakMs = 0 } of batches) {
    if (names.has(name)) findings.push(`batch ${name}: the name is taken`);
    names.add(name);
    findings.push(...amountFindings(`batch ${name}: limit`, limit));
    if (!isShare(own)) findings.push(`batch ${name}: successThreshold must be from 0 to 1`);
    if (!(soakMs >= 0)) findings.push(`batch ${name}: soakMs must not be negative`);
  }
  if (!isShare(successThreshold)) findings.push('successThreshold must be from 0 to 1');
  return findings;
}

function limitFindings(policy: RolloutPolicy): readonly string[] {
  const { errorThreshold, overTime, rate, disruptionBudget, bandwidth, deadline } = policy;
  const findings: string[] = [
    ...amountFindings('maxConcurrent', policy.maxConcurrent),
    ...amountFindings('disruptionBudget.maxUnavailable', disruptionBudget?.maxUnavailable),
    ...amountFindings('errorThreshold', errorThreshold),
  ];
  const demand = (isMet: boolean, finding: string): void => {
    if (!isMet) findings.push(finding);
  };
  if (errorThreshold !== undefined) {
    const { count, share } = errorThreshold;
    demand(count !== undefined || share !== undefined, 'errorThreshold must have a count or a share');
  }
  if (overTime !== undefined) {
    demand(isShare(overTime.startShare), 'overTime.startShare must be from 0 to 1');
    demand(overTime.durationMs > 0, 'overTime.durationMs must be above zero');
  }
  if (rate !== undefined) {
    demand(rate.count >= 1 && rate.count <= 1_000_000, 'rate.count must be from 1 to 1,000,000');
    demand(rate.periodMs > 0, 'rate.periodMs must be above zero');
  }
  demand((disruptionBudget?.minAvailable ?? 0) >= 0, 'disruptionBudget.minAvailable must not be negative');
  demand((bandwidth?.totalBytesPerSecond ?? 1) > 0, 'bandwidth.totalBytesPerSecond must be above zero');
  demand((bandwidth?.deviceBytesPerSecond ?? 1) > 0, 'bandwidth.deviceBytesPerSecond must be above zero');
  demand((deadline?.afterMs ?? 1) > 0, 'deadline.afterMs must be above zero');
  demand(policy.updateTimeoutMs > 0, 'updateTimeoutMs must be above zero');
  demand(policy.stableMs >= 0, 'stableMs must not be negative');
  demand(policy.soakMs >= 0, 'soakMs must not be negative');
  return findings;
}

/** Amounts of zero would stop a rollout for ever; nobody means that. */
function amountFindings(what: string, amount: Amount | undefined): readonly string[] {
  const { count = 1, share = 1 } = amount ?? {};
  const findings: string[] = [];
  if (!(Number.isInteger(count) && count >= 1))
    findings.push(`${what}.count must be a whole number of at least 1`);
  if (!(isShare(share) && share > 0)) findings.push(`${what}.share must be above 0 and at most 1`);
  return findings;
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

function windowFindings(window: RolloutPolicy['applyWindows'][number]): readonly string[] {
  try {
    checkWindow(window);
    return [];
  } catch (error) {
    if (isSlipwayError(error)) return [error.message];
    throw error;
  }
}
