import type { Decision } from './types/decision.ts';
import type { DeviceRecord } from './types/state.ts';

/** Names one order of one device for ever. */
export function orderKey(rollout: string, record: Pick<DeviceRecord, 'attempt'>): string {
  return `${rollout}/${record.attempt}`;
}

/** Takes a staged or downloading order back. */
export function cancelOrder(rollout: string, record: DeviceRecord): Decision {
  return {
    kind: 'cancel',
    device: record.device,
    key: orderKey(rollout, record),
    digest: record.toDigest ?? '',
  };
}

/** Sends a device back to what it ran before this rollout. */
export function rollbackOrder(rollout: string, record: DeviceRecord): Decision {
  return {
    kind: 'rollback',
    device: record.device,
    key: `${orderKey(rollout, record)}/back`,
    ...(record.fromDigest === undefined ? {} : { digest: record.fromDigest }),
  };
}
