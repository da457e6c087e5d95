import type { PolicySpec, Window } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useCall } from '../api/queries.ts';
import { Facts } from './facts.tsx';
import { ProblemAlert } from './problem-alert.tsx';

/** A policy in words, whether it is named or written out. */
export function PolicyFacts({ policy }: { readonly policy: string | PolicySpec | undefined }): ReactNode {
  if (policy === undefined) return <p>None: devices are updated one after another.</p>;
  return typeof policy === 'string' ? <NamedPolicy name={policy} /> : <Facts facts={factsOf(policy)} />;
}

function NamedPolicy({ name }: { readonly name: string }): ReactNode {
  const policy = useCall('policies.get', { params: { name } });
  if (policy.error !== null) return <ProblemAlert error={policy.error} />;
  return <Facts facts={{ Name: name, ...(policy.data === undefined ? {} : factsOf(policy.data.spec)) }} />;
}

function factsOf(policy: PolicySpec): Readonly<Record<string, ReactNode>> {
  const { batches, percentOverTime, errorThreshold, maxConcurrent, rate, disruptionBudget } = policy;
  return {
    Description: policy.description,
    Batches: batches
      ?.map(({ name, selector, percent, count }) =>
        [
          name,
          selector,
          count === undefined ? undefined : `${count} devices`,
          percent === undefined ? undefined : `${percent} %`,
        ]
          .filter((part) => part !== undefined)
          .join(' '),
      )
      .join(' → '),
    'Over time':
      percentOverTime === undefined
        ? undefined
        : `from ${percentOverTime.startPercent} % to all in ${length(percentOverTime.durationSeconds)}`,
    'First one alone': policy.firstAlone === true ? 'yes' : undefined,
    'At once': maxConcurrent === undefined ? undefined : countOrShare(maxConcurrent),
    Rate: rate === undefined ? undefined : `${rate.count} in ${length(rate.periodSeconds)}`,
    Soak: policy.soakSeconds === undefined ? undefined : length(policy.soakSeconds),
    'Must succeed': policy.successPercent === undefined ? undefined : `${policy.successPercent} % of a batch`,
    'Stops at':
      errorThreshold === undefined
        ? undefined
        : `${countOrShare(errorThreshold)} failed: ${errorThreshold.action}`,
    'Disruption budget':
      disruptionBudget === undefined
        ? undefined
        : `by ${disruptionBudget.groupBy.join(', ')}: ${disruptionBudget.maxUnavailable === undefined ? `${disruptionBudget.minAvailable} stay up` : `${disruptionBudget.maxUnavailable} down at most`}`,
    'Download windows': windows(policy.downloadWindows),
    'Apply windows': windows(policy.applyWindows),
    'Alert gate': policy.alertGate?.url,
    Approval: policy.approval,
    Deadline: policy.deadlineSeconds === undefined ? undefined : length(policy.deadlineSeconds),
    Bandwidth:
      policy.downloadBytesPerSecond === undefined
        ? undefined
        : `${(policy.downloadBytesPerSecond / 1e6).toFixed(1)} MB/s a device`,
  };
}

function countOrShare({ count, percent }: { readonly count?: number; readonly percent?: number }): string {
  return [
    count === undefined ? undefined : `${count} devices`,
    percent === undefined ? undefined : `${percent} %`,
  ]
    .filter((part) => part !== undefined)
    .join(' or ');
}

function windows(list: readonly Window[] | undefined): string | undefined {
  return list
    ?.map(
      ({ cron, durationSeconds, timeZone }) =>
        `${cron} for ${length(durationSeconds)} (${timeZone ?? "the device's time"})`,
    )
    .join(', ');
}

function length(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
