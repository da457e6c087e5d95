import { describe, expect, test } from 'vitest';
import { type AccountFiles, driftedIds, staleLines } from './account-consistency.ts';

const SOUND: AccountFiles = {
  passwd: 'root:x:0:0::/root:/bin/sh\nshop:x:990:990::/:/bin/false\n',
  shadow: 'root:*:1::::::\nshop:!:1::::::\n',
  group: 'root:x:0:\nshop:x:990:\ntape:x:26:\n',
  gshadow: 'root:*::\nshop:!::\n',
};

describe('lines without an account', () => {
  test('are none in files that fit', () => {
    expect(staleLines(SOUND)).toEqual([]);
  });

  test('go, and all else stays byte for byte', () => {
    const gshadow = '# kept: by hand\nroot:*::\ngone:!::root\nshop:!::\n+::\n\nlast:*::';
    expect(staleLines({ ...SOUND, gshadow })).toEqual([
      {
        file: 'gshadow',
        names: ['gone', 'last'],
        text: '# kept: by hand\nroot:*::\nshop:!::\n+::\n',
      },
    ]);
    expect(staleLines({ ...SOUND, shadow: 'gone:*:1::::::\nroot:*:1::::::\n' })).toEqual([
      { file: 'shadow', names: ['gone'], text: 'root:*:1::::::\n' },
    ]);
  });

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['full of other services', '+::::::\n'],
  ])('are none where the accounts are %s', (_what, text) => {
    expect(staleLines({ ...SOUND, passwd: text, group: text })).toEqual([]);
  });
});

describe('accounts with two numbers', () => {
  test('are those both sides have', () => {
    const image = {
      ...SOUND,
      passwd: 'shop:x:991:990::/:\nnew:x:5:5::/:\nbad:x:y:1::/:\n',
      group: 'tape:x:30:\n',
    };
    expect(driftedIds(SOUND, image)).toEqual([
      { kind: 'user', name: 'shop', here: 990, inImage: 991 },
      { kind: 'group', name: 'tape', here: 26, inImage: 30 },
    ]);
    expect(driftedIds(SOUND, SOUND)).toEqual([]);
    expect(driftedIds({ ...SOUND, passwd: undefined }, image)).toHaveLength(1);
  });
});
