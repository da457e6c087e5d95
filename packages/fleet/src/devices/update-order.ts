import type { DesiredState, DeviceSpec, ImageRef } from '@slipway/fleet-api';

/** What a rollout ordered a device to do; stands in the device's row. */
export interface UpdateOrder {
  readonly updateId: string;
  readonly action: 'download' | 'apply' | 'rollback' | 'hold';
  readonly release: string | null;
  readonly image: ImageRef | null;
  readonly notBefore: string | null;
  readonly deadline: string | null;
  readonly downloadBytesPerSecond: number | null;
  readonly stableSeconds: number;
}

export function orderOf(json: string | null): UpdateOrder | null {
  return json === null ? null : (JSON.parse(json) as UpdateOrder);
}

/** What a desired state is made from. */
export interface DesiredSources {
  readonly spec: DeviceSpec;
  readonly order: UpdateOrder | null;
  readonly denied: readonly string[];
  readonly config: DesiredState['config'];
  readonly isDecommissioned: boolean;
  readonly nowMs: number;
}

const DEFAULT_STABLE_SECONDS = 60;

/** What a device should be, from what is wanted of it and of its fleet. */
export function desiredStateOf(sources: DesiredSources): DesiredState {
  const { order, spec, nowMs } = sources;
  const isHeld =
    spec.hold !== undefined && (spec.hold.until === undefined || Date.parse(spec.hold.until) > nowMs);
  return {
    action: isHeld ? 'hold' : (order?.action ?? 'none'),
    updateId: order?.updateId ?? null,
    release: order?.release ?? null,
    image: order?.image ?? null,
    notBefore: order?.notBefore ?? null,
    deadline: order?.deadline ?? null,
    downloadBytesPerSecond: order?.downloadBytesPerSecond ?? null,
    stableSeconds: order?.stableSeconds ?? DEFAULT_STABLE_SECONDS,
    denied: sources.denied,
    config: sources.config,
    decommission: sources.isDecommissioned,
  };
}
