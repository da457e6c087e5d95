import type { FactoryResetPlan } from '@slipway/host';
import { safeText } from '../output/safe-text.ts';
import { block } from './block.ts';

/** What the next boot resets, for people. */
export function factoryResetWords({ kind, etcDifferences, apps, kept }: FactoryResetPlan): readonly string[] {
  const when = kind === 'queued' ? 'at the next boot' : 'nothing yet: this was a dry run';
  const also = kept.length === 0 ? '' : `, ${kept.map(safeText).join(', ')}`;
  const words = block(
    ' ',
    ['Factory reset', when],
    [
      ['/etc', `as the image has it; differs now in ${etcDifferences} places`],
      ['/var', 'empty'],
      ['Apps', apps.length === 0 ? 'none' : `gone with what they keep: ${apps.join(', ')}`],
      ['Kept', `machine-id, SSH host keys, images, history${also}`],
    ],
  );
  return kind === 'queued'
    ? [...words, '', 'slipway factory-reset --cancel takes it back until then']
    : words;
}

/** What became of one that was asked for. */
export function cancelledResetWords({ kind }: { readonly kind: string }): readonly string[] {
  return [kind === 'cancelled' ? 'the host is not reset' : 'no factory reset is queued'];
}
