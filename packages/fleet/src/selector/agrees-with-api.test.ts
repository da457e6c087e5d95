import { isSlipwayError } from '@slipway/core';
import { isSelectorProblem, matchesLabels, parseSelector as parseApiSelector } from '@slipway/fleet-api';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSelector } from './parse-selector.ts';
import { matches, type Selector } from './selector.ts';

// What the API lets in, the engine must be able to read, and read the same: a policy is checked by one and carried out by the other.

const piece = fc.constantFrom(
  'a',
  'b',
  'a1',
  '=',
  '==',
  '!=',
  '!',
  ' ',
  ',',
  'in',
  'notin',
  ' in ',
  ' notin ',
  '(',
  ')',
  '(a,b)',
  '(b)',
  'a/b',
  '-',
  ':',
);
const labels = fc.dictionary(
  fc.constantFrom('a', 'b', 'a1', 'in', 'a/b'),
  fc.constantFrom('', 'a', 'b', 'a1'),
  { noNullPrototype: true },
);

function read(text: string): Selector | undefined {
  try {
    return parseSelector(text);
  } catch (error) {
    if (isSlipwayError(error, 'SELECTOR_INVALID')) return undefined;
    throw error;
  }
}

test('a selector the API takes is read by the engine, and chooses the same devices', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), labels, (pieces, device) => {
      const text = pieces.join('');
      const api = parseApiSelector(text);
      if (isSelectorProblem(api)) return;
      const engine = read(text);
      if (engine === undefined) throw new Error(`the engine does not read ${JSON.stringify(text)}`);
      expect(matches(engine, device)).toBe(matchesLabels(api, device));
    }),
    { numRuns: 3000, seed: 6 },
  );
});
