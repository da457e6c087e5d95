import { expect, test } from 'vitest';
import { isSelectorProblem, matchesLabels, parseSelector } from './selector.ts';

const SHOP = { site: 'berlin', stage: 'canary', spare: '' };

test.each([
  ['', true],
  ['site=berlin', true],
  ['site==berlin', true],
  ['site=bonn', false],
  ['site!=bonn', true],
  ['site!=berlin', false],
  ['missing!=anything', true],
  ['site in (bonn, berlin)', true],
  ['site in (bonn,ulm)', false],
  ['site notin (bonn,ulm)', true],
  ['spare', true],
  ['spare=', true],
  ['!spare', false],
  ['!other', true],
  ['site in (berlin),stage=canary', true],
  ['site in (berlin,bonn),stage=stable', false],
])('selector %j on the labels of a shop: %s', (selector, expected) => {
  const parsed = parseSelector(selector);
  expect(isSelectorProblem(parsed)).toBe(false);
  expect(!isSelectorProblem(parsed) && matchesLabels(parsed, SHOP)).toBe(expected);
});

test.each(['=', 'a=b=c', 'a in b', 'a in (b', ',', 'a,,b', '!', 'a in (b c)', 'ä=1', "x' OR 1=1"])(
  'refuses %j as a selector',
  (selector) => {
    expect(isSelectorProblem(parseSelector(selector))).toBe(true);
  },
);

test('labels that only the prototype has are not there', () => {
  const parsed = parseSelector('constructor');
  expect(!isSelectorProblem(parsed) && matchesLabels(parsed, {})).toBe(false);
});
