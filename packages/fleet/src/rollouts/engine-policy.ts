import type { Window as ApiWindow, PolicySpec } from '@slipway/fleet-api';
import type { Amount, BatchPolicy, RolloutPolicy, Window } from '../rollout/types/policy.ts';
import { parseSelector as parseEngineSelector } from '../selector/parse-selector.ts';
import type { Selector } from '../selector/selector.ts';

const DAY_SECONDS = 86_400;
const MINUTE_SECONDS = 60;

/** A policy as the API has it (seconds, per cent) in the terms of the engine (milliseconds, shares). */
export function enginePolicy(spec: PolicySpec): RolloutPolicy {
  const {
    disruptionBudget: budget,
    percentOverTime,
    errorThreshold,
    deadlineSeconds,
    downloadBytesPerSecond,
  } = spec;
  return {
    batches: (spec.batches ?? []).map(batchOf),
    soakMs: (spec.soakSeconds ?? 0) * 1000,
    successThreshold: shareOf(spec.successPercent ?? 100),
    firstAlone: spec.firstAlone ?? false,
    downloadWindows: (spec.downloadWindows ?? []).map(windowOf),
    applyWindows: (spec.applyWindows ?? []).map(windowOf),
    timeZone: 'UTC',
    approval: spec.approval === 'manual' ? 'start' : 'none',
    updateTimeoutMs: (spec.deviceTimeoutSeconds ?? DAY_SECONDS) * 1000,
    stableMs: (spec.stableSeconds ?? MINUTE_SECONDS) * 1000,
    ...(percentOverTime === undefined
      ? {}
      : {
          overTime: {
            startShare: shareOf(percentOverTime.startPercent),
            durationMs: percentOverTime.durationSeconds * 1000,
          },
        }),
    ...(errorThreshold === undefined
      ? {}
      : {
          errorThreshold: {
            ...amountOf(errorThreshold),
            action: errorThreshold.action === 'halt' ? ('halt' as const) : ('rollback' as const),
          },
        }),
    ...(spec.maxConcurrent === undefined ? {} : { maxConcurrent: amountOf(spec.maxConcurrent) }),
    ...(spec.rate === undefined
      ? {}
      : { rate: { count: spec.rate.count, periodMs: spec.rate.periodSeconds * 1000 } }),
    ...(budget === undefined
      ? {}
      : {
          disruptionBudget: {
            groupBy: budget.groupBy,
            ...(budget.maxUnavailable === undefined
              ? {}
              : { maxUnavailable: { count: budget.maxUnavailable } }),
            ...(budget.minAvailable === undefined ? {} : { minAvailable: budget.minAvailable }),
          },
        }),
    ...(spec.alertGate === undefined
      ? {}
      : { alertGate: { alerts: spec.alertGate.filter === undefined ? [] : [spec.alertGate.filter] } }),
    ...(deadlineSeconds === undefined
      ? {}
      : { deadline: { afterMs: deadlineSeconds * 1000, action: 'halt' as const } }),
    ...(downloadBytesPerSecond === undefined
      ? {}
      : { bandwidth: { deviceBytesPerSecond: downloadBytesPerSecond } }),
  };
}

function batchOf(batch: NonNullable<PolicySpec['batches']>[number]): BatchPolicy {
  const { name, selector, soakSeconds, successPercent, approval } = batch;
  const limit = amountOf(batch);
  return {
    name,
    ...(selector === undefined ? {} : { selector: engineSelector(selector) }),
    ...(limit.count === undefined && limit.share === undefined ? {} : { limit }),
    ...(soakSeconds === undefined ? {} : { soakMs: soakSeconds * 1000 }),
    ...(successPercent === undefined ? {} : { successThreshold: shareOf(successPercent) }),
    ...(approval === undefined ? {} : { approval: approval === 'manual' }),
  };
}

export function engineSelector(text: string): Selector {
  return parseEngineSelector(text);
}

function amountOf({ count, percent }: { readonly count?: number; readonly percent?: number }): Amount {
  return {
    ...(count === undefined ? {} : { count }),
    ...(percent === undefined ? {} : { share: shareOf(percent) }),
  };
}

function shareOf(percent: number): number {
  return percent / 100;
}

function windowOf({ cron, durationSeconds, timeZone }: ApiWindow): Window {
  return { opens: cron, durationMs: durationSeconds * 1000, ...(timeZone === undefined ? {} : { timeZone }) };
}
