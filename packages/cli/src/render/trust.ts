import type { ImageTrust } from '@slipway/host';
import type { Fact } from './block.ts';

const KIND_WORDS = { unverified: 'not verified', refused: 'refused' } as const;

/** Who signed an image, and the rule that asked for it; nothing where nobody looked. */
export function trustFacts(trust: ImageTrust | undefined): readonly Fact[] {
  if (trust === undefined) return [];
  const { kind, policy, rule, signedBy } = trust;
  const place = policy === null ? 'where the disk was made' : `in ${policy}`;
  const signed = kind === 'verified' ? `by ${signedBy.join(' and ')}` : KIND_WORDS[kind];
  return [['Signature', `${signed} (${rule === null ? 'no policy' : `${rule} ${place}`})`]];
}
