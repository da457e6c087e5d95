import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSelector, selectorOfResource } from './parse-selector.ts';
import { formatSelector, type Labels, matches, type Selector } from './selector.ts';

const LABELS: Labels = { stage: 'canary', store: '7', 'example.com/tier': 'web', empty: '' };

describe('a selector is read as kubectl reads it', () => {
  test.each([
    ['', true],
    ['stage=canary', true],
    ['stage==canary', true],
    ['stage=prod', false],
    ['stage!=prod', true],
    ['absent!=prod', true],
    ['stage!=canary', false],
    ['store in (6, 7)', true],
    ['store in (6,8)', false],
    ['absent in (6,8)', false],
    ['store notin (6,8)', true],
    ['absent notin (6,8)', true],
    ['example.com/tier', true],
    ['!example.com/tier', false],
    ['!absent', true],
    ['absent', false],
    ['empty=', true],
    ['empty', true],
    ['empty in (,x)', true],
    ['store=', false],
    [' stage = canary , store in ( 7 ) ', true],
    ['stage=canary,store=8', false],
    ['in in (in)', false],
    ['constructor', false],
    ['!__proto', true],
  ])('%s', (text, expected) => {
    if (text.includes('__proto')) expect(() => parseSelector(text)).toThrow('column 2');
    else expect(matches(parseSelector(text), LABELS)).toBe(expected);
  });

  test.each([
    [',', 1],
    ['a,', 3],
    ['a=b,,c', 5],
    ['=a', 1],
    ['a in', 5],
    ['a in (b', 8],
    ['a in b', 6],
    ['a in (b c)', 9],
    ['a b', 3],
    ['a=b c', 5],
    ['a=-b', 3],
    ['a/=b', 1],
    ['x'.repeat(129), 1],
    [`a=${'x'.repeat(129)}`, 3],
    ['!', 2],
    ['!!a', 2],
    ['a>1', 1],
  ])('%s is refused at column %i', (text, column) => {
    expect(() => parseSelector(text)).toThrow(
      expect.objectContaining({ code: 'SELECTOR_INVALID', details: { column } }),
    );
  });

  test('an endless one is refused unread', () => {
    expect(() => parseSelector('a,'.repeat(10_000))).toThrow('longer than');
  });
});

describe('canonical text', () => {
  test('is sorted, without doubles, short', () => {
    const text = formatSelector(
      parseSelector('z notin (b,a,b), a==1 ,!gone, x in (one), z notin (a,b), y notin (one)'),
    );
    expect(text).toBe('!gone,a=1,x=one,y!=one,z notin (a,b)');
  });

  const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?$/);
  const key = fc.oneof(
    name,
    name.map((text) => `example.com/${text}`),
  );
  const value = fc.oneof(name, fc.constant(''));
  const requirement = fc.oneof(
    fc.record({ key, operator: fc.constantFrom('exists' as const, 'not-exists' as const) }),
    fc.record({
      key,
      operator: fc.constantFrom('in' as const, 'notin' as const),
      values: fc.uniqueArray(value, { minLength: 1, maxLength: 4 }).map((values) => values.sort()),
    }),
  );
  const selector: fc.Arbitrary<Selector> = fc.record({
    requirements: fc.array(requirement, { maxLength: 4 }),
  });

  test('is read as what was written, and matches the same', () => {
    fc.assert(
      fc.property(selector, fc.dictionary(key, value, { noNullPrototype: true }), (written, labels) => {
        const text = formatSelector(written);
        const again = parseSelector(text);
        expect(formatSelector(again)).toBe(text);
        expect(matches(again, labels)).toBe(matches(written, labels));
      }),
    );
  });
});

describe('a selector of a resource', () => {
  test('says the same', () => {
    const selector = selectorOfResource({
      matchLabels: { stage: 'canary' },
      matchExpressions: [
        { key: 'store', operator: 'In', values: ['8', '7'] },
        { key: 'tier', operator: 'NotIn', values: ['db'] },
        { key: 'gpu', operator: 'Exists' },
        { key: 'legacy', operator: 'DoesNotExist' },
      ],
    });
    expect(formatSelector(selector)).toBe('!legacy,gpu,stage=canary,store in (7,8),tier!=db');
  });

  test('cannot smuggle a demand in', () => {
    for (const value of ['a,b', 'a)', 'a b', '!']) {
      expect(() => selectorOfResource({ matchLabels: { key: value } })).toThrow('cannot read the selector');
    }
    expect(() => selectorOfResource({ matchExpressions: [{ key: 'a', operator: 'In' }] })).toThrow(
      'needs values',
    );
    expect(() =>
      selectorOfResource({ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] }),
    ).toThrow('no values');
  });
});
