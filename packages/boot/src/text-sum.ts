/**
 * A last line that tells whether a small text is still as it was written: boot entries and origin files, which nothing else vouches for.
 *
 * It finds what a disk did to a text, not what somebody did on purpose.
 */
import { createHash } from 'node:crypto';
import { changedCharacters } from '@slipway/core';

/** Whether the last line fits the text; `none`: it never had one, as what other programs write. */
export type TextSum = 'none' | 'right' | 'wrong';

const WORD = 'checksum';
/** Characters of the lead that may be damaged for it to be one still. */
const MOST_DAMAGED = 2;

/** How the line starts in a file: as a comment where there are some, else as a value. */
export const SUM_LEADS: Readonly<Record<'bootEntry' | 'origin', string>> = {
  bootEntry: `# ${WORD} `,
  origin: `${WORD}=`,
};

/** The text with its line. */
export function withTextSum(text: string, lead: string): string {
  return `${text}${lead}${hexOf(text)}\n`;
}

/** Judges a text that may have such a line; one damaged byte, wherever it is, does not make it one that never had. */
export function textSum(text: string, lead: string): TextSum {
  const body = text.slice(0, Math.max(0, text.length - lead.length - 65));
  if (text === withTextSum(body, lead)) return 'right';
  // Either the word or what is around it is whole.
  return text.includes(WORD) || hasDamagedLead(text, lead) ? 'wrong' : 'none';
}

/** A digest behind something else, as bootc's `digest = …`, is no damaged line of ours. */
function hasDamagedLead(text: string, lead: string): boolean {
  const alike = new RegExp(`^(?<found>.{${lead.length}})[0-9a-f]{64}$`, 'gm');
  return [...text.matchAll(alike)].some(
    ({ groups }) => changedCharacters(lead, groups?.['found'] ?? '') <= MOST_DAMAGED,
  );
}

function hexOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
