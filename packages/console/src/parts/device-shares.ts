import type { DeviceCounts, RolloutCounts } from '@slipway/fleet-api';
import type { Share } from './shares-bar.tsx';

export function updateShares(counts: DeviceCounts): readonly Share[] {
  return [
    { name: 'up to date', count: counts.upToDate, tone: 'good' },
    { name: 'updating', count: counts.updating, tone: 'busy' },
    { name: 'out of date', count: counts.outOfDate, tone: 'warning' },
    { name: 'failed', count: counts.failed, tone: 'bad' },
    { name: 'unknown', count: counts.unknown, tone: 'idle' },
  ];
}

export function connectionShares(counts: DeviceCounts): readonly Share[] {
  const { online, stale, offline, total } = counts;
  return [
    { name: 'online', count: online, tone: 'good' },
    { name: 'stale', count: stale, tone: 'warning' },
    { name: 'offline', count: offline, tone: 'bad' },
    { name: 'never seen', count: Math.max(0, total - online - stale - offline), tone: 'idle' },
  ];
}

export function rolloutShares(counts: RolloutCounts): readonly Share[] {
  return [
    { name: 'succeeded', count: counts.succeeded, tone: 'good' },
    { name: 'updating', count: counts.updating, tone: 'busy' },
    { name: 'failed', count: counts.failed, tone: 'bad' },
    { name: 'rolled back', count: counts.rolledBack, tone: 'warning' },
    { name: 'pending', count: counts.pending, tone: 'idle' },
    { name: 'skipped', count: counts.skipped, tone: 'idle' },
  ];
}
