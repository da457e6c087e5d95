import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

function read(...values: string[]): [string, Record<string, string>][] {
  return parseChallenges(values).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);
}

test.each<[string, [string, Record<string, string>][]]>([
  ['Basic realm="Registry"', [['basic', { realm: 'Registry' }]]],
  ['Basic', [['basic', {}]]],
  [
    'Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push"',
    [
      [
        'bearer',
        { realm: 'https://auth.example/token', service: 'r.example', scope: 'repository:a/b:pull,push' },
      ],
    ],
  ],
  ['bearer realm=x , service = "y"', [['bearer', { realm: 'x', service: 'y' }]]],
  [
    'Negotiate, Basic realm="a, \\"b\\"", Bearer realm="c"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'a, "b"' }],
      ['bearer', { realm: 'c' }],
    ],
  ],
  [
    'Bearer realm="unclosed',
    [
      ['bearer', {}],
      ['realm', {}],
    ],
  ],
  ['', []],
  ['="x"', []],
])('%s', (value, challenges) => {
  expect(read(value)).toEqual(challenges);
});

test('several headers', () => {
  expect(read('Basic realm=a', 'Bearer realm=b')).toEqual([
    ['basic', { realm: 'a' }],
    ['bearer', { realm: 'b' }],
  ]);
});

test('ends, whatever is sent', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200, unit: 'binary-ascii' }),
      (value) => void parseChallenges([value]),
    ),
  );
  expect(parseChallenges([`Bearer ${'a="'.repeat(100_000)}`]).length).toBeLessThan(20_000);
});
