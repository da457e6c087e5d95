import { formatBytes } from '@slipway/core';
import type { AllowResult, CleanupResult, DeleteResult, PinResult, UnstageResult } from '@slipway/host';
import { block, type Fact } from './block.ts';

/** What became of a pin, for people. */
export function pinWords({ kind, pinned, version, deployment }: PinResult): readonly string[] {
  const heading = pinned ? 'Pinned' : 'Not pinned';
  const before = kind === 'unchanged' ? ' (it was before)' : '';
  return block(' ', [heading, `${version ?? short(deployment)}${before}`], [['Deployment', deployment]]);
}

/** What was taken back, for people. */
export function unstageWords(result: UnstageResult): readonly string[] {
  if (result.kind === 'nothing-staged') return ['nothing is staged'];
  return block(' ', ['Unstaged', result.deployment], [freed(result.freedBytes)]);
}

/** What a cleanup came to, for people. */
export function cleanupWords({
  kind,
  deployments,
  kernels,
  objects,
  freedBytes,
  kept,
}: CleanupResult): readonly string[] {
  const names = deployments.length === 0 ? 'no deployment' : deployments.map(short).join(', ');
  const stays: Fact = ['Kept', kept.map(short).join(', ')];
  if (kind === 'would-clean') return block(' ', ['Would remove', names], [stays]);
  const files: Fact = ['Files', `${objects} objects, ${kernels.length} kernels`];
  return block(' ', ['Removed', names], [files, freed(freedBytes), stays]);
}

/** The deployment that went, for people. */
export function deleteWords({ deployment, version, freedBytes }: DeleteResult): readonly string[] {
  return block(
    ' ',
    ['Deleted', version ?? short(deployment)],
    [['Deployment', deployment], freed(freedBytes)],
  );
}

/** What is allowed again, for people. */
export function allowWords({ allowed }: AllowResult): readonly string[] {
  if (allowed.length === 0) return ['nothing is denied'];
  return allowed.map(
    ({ manifestDigest, deployment, version }) =>
      `allowed again: ${manifestDigest ?? deployment}${version === undefined ? '' : ` (${version})`}`,
  );
}

function freed(bytes: number): Fact {
  return ['Given back', formatBytes(bytes)];
}

function short(id: string): string {
  return id.slice(0, 12);
}
