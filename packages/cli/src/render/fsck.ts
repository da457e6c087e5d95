import type { FsckResult } from '@slipway/host';

/** One line a finding, and the verdict. */
export function fsckWords({ kind, findings }: FsckResult): readonly string[] {
  if (kind === 'clean') return ['nothing is damaged'];
  const lines = findings.map(
    (one) =>
      `${one.repaired ? 'repaired' : 'damaged '}  ${one.part}  ${one.kind}  ${one.name}: ${one.message}`,
  );
  const left = findings.filter(({ repaired }) => !repaired).length;
  if (left === 0) return [...lines, `all ${findings.length} repaired`];
  return [...lines, `${left} of ${findings.length} left; slipway fsck --repair mends what can be mended`];
}
