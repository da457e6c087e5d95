import type { AccountRepair } from '@slipway/host';
import { safeText } from '../output/safe-text.ts';

/** One line a change, then those that are left for people. */
export function accountRepairWords(
  { kind, stale, renumbered, blocked, files }: AccountRepair,
  dryRun: boolean,
): readonly string[] {
  if (kind === 'nothing-to-do') return ['the accounts are in order'];
  const would = dryRun ? 'would ' : '';
  return [
    ...stale.map(({ file, names }) => `${would}remove from /etc/${file}: ${names.map(safeText).join(', ')}`),
    ...renumbered.map(
      (one) => `${would}renumber the ${one.kind} ${safeText(one.name)}: ${one.from} -> ${one.to}`,
    ),
    ...(renumbered.length === 0 ? [] : [`${would}give ${files} files in /etc and /var their new numbers`]),
    ...blocked.map(
      (one) => `left: the ${one.kind} ${safeText(one.name)}, ${one.from} -> ${one.to}: ${safeText(one.why)}`,
    ),
  ];
}
