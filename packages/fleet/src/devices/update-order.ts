import { hash } from 'node:crypto';
import type { DesiredState, DeviceSpec, FleetSpec, ImageRef, Labels } from '@slipway/fleet-api';

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
  readonly name: string;
  readonly labels: Labels;
  readonly spec: DeviceSpec;
  readonly order: UpdateOrder | null;
  readonly denied: readonly string[];
  readonly fleet: FleetSpec | undefined;
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
    config: configOf(sources),
    decommission: sources.isDecommissioned,
  };
}

function configOf(sources: DesiredSources): DesiredState['config'] {
  const { fleet } = sources;
  const files = (fleet?.config ?? []).map(({ path, mode, content }) => ({
    path,
    mode: (mode ?? '0644').padStart(4, '0'),
    contentBase64: Buffer.from(fillTemplate(content, sources)).toString('base64'),
  }));
  const apps = (fleet?.apps ?? []).map(({ name, quadlet }) => ({
    name,
    quadlet: fillTemplate(quadlet, sources),
  }));
  const isEmpty = files.length === 0 && apps.length === 0;
  const digest = isEmpty ? null : `sha256:${hash('sha256', JSON.stringify([files, apps]), 'hex')}`;
  return { digest, files, apps, trySeconds: fleet?.trySeconds ?? null };
}

/** `{{ name }}` and `{{ labels.site }}`; a label the device lacks is empty, anything else in braces stays as it is. */
export function fillTemplate(
  text: string,
  { name, labels }: Pick<DesiredSources, 'name' | 'labels'>,
): string {
  return text.replace(/\{\{\s*(?<what>name|labels\.[A-Za-z0-9._/-]+)\s*\}\}/g, (_all, what: string) => {
    if (what === 'name') return name;
    const label = what.slice('labels.'.length);
    return Object.hasOwn(labels, label) ? (labels[label] ?? '') : '';
  });
}
