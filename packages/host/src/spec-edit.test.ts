import { describe, expect, test } from 'vitest';
import { planSpecEdit } from './spec-edit.ts';

const IMAGE = { image: 'registry.example/shop:v1', transport: 'registry' } as const;
const BEFORE = { image: IMAGE, bootOrder: 'default' } as const;

describe('what a changed document asks for', () => {
  test.each([
    ['the same', { ...BEFORE }, { kind: 'unchanged' }],
    ['nothing', {}, { kind: 'unchanged' }],
    ['no image', { image: null }, { kind: 'unchanged' }],
    [
      'another image',
      { image: { image: 'registry.example/shop:v2' } },
      { kind: 'switch', image: { image: 'registry.example/shop:v2', transport: 'registry' } },
    ],
    [
      'another transport',
      { image: { image: IMAGE.image, transport: 'oci' } },
      { kind: 'switch', image: { image: IMAGE.image, transport: 'oci' } },
    ],
    ['the other order', { image: IMAGE, bootOrder: 'rollback' }, { kind: 'rollback' }],
  ])('%s', (_what, spec, expected) => {
    expect(planSpecEdit(BEFORE, { kind: 'BootcHost', spec })).toEqual(expected);
  });

  test('the order back again', () => {
    const queued = { ...BEFORE, bootOrder: 'rollback' } as const;
    expect(planSpecEdit(queued, { spec: { bootOrder: 'default' } })).toEqual({ kind: 'rollback' });
  });

  test.each([
    ['text', 'hello'],
    ['nothing', null],
    ['a list', []],
    ['both', { spec: { image: { image: 'x.example/y' }, bootOrder: 'rollback' } }],
    ['an image without a name', { spec: { image: { image: '' } } }],
    ['an image that is text', { spec: { image: 'x.example/y' } }],
    ['a transport that is a number', { spec: { image: { image: 'x', transport: 1 } } }],
    ['another order', { spec: { bootOrder: 'random' } }],
  ])('%s is refused', (_what, document) => {
    expect(() => planSpecEdit(BEFORE, document)).toThrow(/^cannot do what the document says/);
  });
});
