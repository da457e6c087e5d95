import { hash } from 'node:crypto';
import type { DeviceReport, UpdateReport } from '@slipway/fleet-api';
import type { AgentRecord, ObservedHost } from '../plan/situation.ts';

/** What a host says about itself, and the name of it. */
export interface TaggedReport {
  readonly report: DeviceReport;
  readonly tag: string;
}

/** @param own facts the agent adds to those of the host */
export function reportOf(
  host: ObservedHost,
  { update, rejected }: AgentRecord,
  own: DeviceReport['facts'] = {},
): TaggedReport {
  const { bootId, image, health, configDigest, about } = host;
  const facts = {
    ...about.facts,
    ...own,
    ...(rejected === null ? {} : { 'config.rejected': rejected.failure.message.slice(0, 1000) }),
  };
  const report: DeviceReport = {
    ...about,
    facts,
    bootId,
    image,
    health,
    update: update === null ? { phase: 'idle', updateId: null, target: null } : updateOf(update),
    ...(configDigest === null ? {} : { configDigest }),
  };
  return { report, tag: hash('sha256', JSON.stringify(report), 'hex').slice(0, 32) };
}

function updateOf(update: NonNullable<AgentRecord['update']>): UpdateReport {
  const { updateId, image, phase, sinceMs, failure } = update;
  return {
    phase,
    updateId,
    target: image?.digest ?? null,
    since: new Date(sinceMs).toISOString(),
    ...(failure === null || phase !== 'failed' ? {} : { failure }),
  };
}
