import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AccountFiles, driftedIds } from './account-consistency.ts';
import { planRenumbering, renumberedFiles } from './renumber.ts';

const NONE: ReadonlySet<number> = new Set();
const HERE: AccountFiles = {
  passwd: 'root:x:0:0::/root:/bin/sh\nshop:x:990:989:Shop:/:/bin/false\nother:x:800:989::/:\n# end',
  shadow: undefined,
  group: 'root:x:0:\nshop:x:989:other\ntape:x:26:\n',
  gshadow: undefined,
};

describe('what can be renumbered', () => {
  test('gets the numbers of the image, members of its group with it', () => {
    const image = { ...HERE, passwd: 'shop:x:991:988::/:\n', group: 'shop:x:988:\n' };
    const { changes, blocked } = planRenumbering(HERE, driftedIds(HERE, image), NONE);
    expect(blocked).toEqual([]);
    expect(renumberedFiles(HERE, changes)).toEqual({
      passwd: 'root:x:0:0::/root:/bin/sh\nshop:x:991:988:Shop:/:/bin/false\nother:x:800:988::/:\n# end',
      group: 'root:x:0:\nshop:x:988:other\ntape:x:26:\n',
    });
  });

  test.each([
    ['root', 'root:x:5:0::/:\n', 'the number 0 is that of root'],
    ['somebody', 'shop:x:0:989::/:\n', 'the number 0 is that of root'],
    ['taken', 'shop:x:800:989::/:\n', 'the number 800 belongs to other here'],
    ['swapped', 'shop:x:800:989::/:\nother:x:990:989::/:\n', 'the number 800 belongs to other here'],
    ['twice', 'shop:x:7:989::/:\nother:x:7:989::/:\n', 'other is to have the number 7, too'],
    ['busy', 'other:x:7:989::/:\n', 'it runs processes: stop them first'],
  ])('not without people: %s', (_what, passwd, why) => {
    const drifted = driftedIds(HERE, { ...HERE, passwd });
    const { changes, blocked } = planRenumbering(HERE, drifted, new Set([800]));
    expect(changes).toEqual([]);
    expect(blocked[0]).toMatchObject({ why });
  });

  test('not one that shares its number', () => {
    const here = { ...HERE, group: 'shop:x:9:\nalias:x:009:\n' };
    const { blocked } = planRenumbering(here, driftedIds(here, { ...HERE, group: 'shop:x:10:\n' }), NONE);
    expect(blocked).toMatchObject([{ name: 'shop', why: 'alias has the number 9, too' }]);
  });
});

const account = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  id: fc.integer({ min: 0, max: 12 }),
  gid: fc.integer({ min: 0, max: 12 }),
});
const accounts = fc.uniqueArray(account, { selector: ({ name }) => name, maxLength: 6 });
const filesOf = fc.tuple(accounts, accounts).map(
  ([users, groups]): AccountFiles => ({
    passwd: users.map(({ name, id, gid }) => `${name}:x:${id}:${gid}:::\n`).join(''),
    group: groups.map(({ name, id }) => `${name}:x:${id}:\n`).join(''),
    shadow: undefined,
    gshadow: undefined,
  }),
);
const idsOf = (text = ''): readonly number[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line.split(':')[2])]));

test('after it those it changed agree with the image, nobody shares a number anew, and there is nothing more to do', () => {
  fc.assert(
    fc.property(filesOf, filesOf, (here, image) => {
      const drifted = driftedIds(here, image);
      const { changes, blocked } = planRenumbering(here, drifted, NONE);
      expect(changes.length + blocked.length).toBe(drifted.length);
      const edited = renumberedFiles(here, changes);
      const after = { ...here, passwd: edited.passwd ?? here.passwd, group: edited.group ?? here.group };
      const left = driftedIds(after, image);
      expect(left.map(({ kind, name }) => [kind, name])).toEqual(
        blocked.map(({ kind, name }) => [kind, name]),
      );
      for (const file of ['passwd', 'group'] as const) {
        const [before, now] = [idsOf(here[file]), idsOf(after[file])];
        expect(new Set(now).size).toBe(new Set(before).size);
      }
      // A primary group is still the same group, where it was one.
      const groupOf = (files: AccountFiles, user: number): string | undefined => {
        const gid = files.passwd?.split('\n')[user]?.split(':')[3];
        return files.group
          ?.split('\n')
          .find((line) => line.split(':')[2] === gid && line !== '')
          ?.split(':')[0];
      };
      for (const user of idsOf(here.passwd).keys()) {
        const was = groupOf(here, user);
        if (was !== undefined) expect(groupOf(after, user)).toBe(was);
      }
    }),
  );
});
