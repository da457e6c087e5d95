import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAccountFile, mergeAccountLines } from './account-lines.ts';

const BASE = 'root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nnews:x:9:9::/:/bin/false\n';

describe('account files', () => {
  test('keep the people of the machine and take the services of the image', () => {
    const ours = BASE.replace('/bin/sh', '/bin/zsh').concat(
      '# ours\nalice:x:1000:1000::/home/alice:/bin/sh\n',
    );
    const theirs = BASE.replace(/news.*\n/, '').concat('www:x:33:33::/var/www:/bin/false\n');
    const merged = mergeAccountLines('passwd', { base: BASE, ours, theirs });
    expect(merged).toEqual({
      text: ours.replace(/news.*\n/, '').concat('www:x:33:33::/var/www:/bin/false\n'),
      added: ['www'],
      changed: [],
      removed: ['news'],
      conflicts: [],
    });
  });

  test('merge fields of one line, and members of a group', () => {
    const passwd = {
      base: 'root:x:0:0:root:/root:/bin/sh\n',
      ours: 'root:x:0:0:root:/root:/bin/zsh\n',
      theirs: 'root:x:0:0:Super User:/root:/bin/sh\n',
    };
    expect(mergeAccountLines('passwd', passwd).text).toBe('root:x:0:0:Super User:/root:/bin/zsh\n');
    const group = { base: 'adm:x:4:a,b\n', ours: 'adm:x:4:a,b,me\n', theirs: 'adm:x:4:b,svc\n' };
    expect(mergeAccountLines('group', group)).toMatchObject({
      text: 'adm:x:4:b,me,svc\n',
      changed: ['adm'],
      conflicts: [],
    });
  });

  test('say what does not go together, and keep what is here', () => {
    const merged = mergeAccountLines('passwd', {
      base: 'a:x:1:1::/:/1\nb:x:2:2::/:/1\nc:x:3:3::/:/1\n',
      ours: 'a:x:1:1::/:/2\nc:x:3:3::/:/2\nlocal:x:900:900::/:/1\n+::::::\n',
      theirs: 'a:x:1:1::/:/3\nb:x:2:2::/:/3\nsvc:x:900:900::/:/1\nok:x:901:901::/:/1\n',
    });
    expect(merged.text).toBe(
      'a:x:1:1::/:/2\nc:x:3:3::/:/2\nlocal:x:900:900::/:/1\nok:x:901:901::/:/1\n+::::::\n',
    );
    expect(merged.conflicts).toEqual([
      { account: 'a', kind: 'both-changed' },
      { account: 'c', kind: 'removed-by-image' },
      { account: 'b', kind: 'deleted-here' },
      { account: 'svc', kind: 'id-taken' },
    ]);
  });

  test('are these', () => {
    expect(['passwd', 'gshadow', 'subuid', 'hosts', 'toString'].map(isAccountFile)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  const line = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', '3'), fc.constantFrom('/x', '/y'))
    .map(([name, id, home]) => `${name}:x:${id}:${id}::${home}:/bin/sh`);
  const file = fc
    .uniqueArray(line, { maxLength: 4, selector: (text) => text[0] })
    .map((lines) => lines.map((text) => `${text}\n`).join(''));
  const linesOf = (text: string): readonly string[] => text.split('\n').slice(0, -1);

  test('lose no local line, and every account of the image arrives or is reported', () => {
    fc.assert(
      fc.property(file, file, file, (base, ours, theirs) => {
        const { text, conflicts } = mergeAccountLines('passwd', { base, ours, theirs });
        const [old, mine, result] = [linesOf(base), linesOf(ours), linesOf(text)];
        const names = result.map((one) => one[0]);
        expect(new Set(names).size).toBe(names.length);
        for (const one of mine.filter((each) => !old.includes(each))) {
          // Changed here: whole, or with those fields the image alone changed.
          expect(names).toContain(one[0]);
          if (!old.some((each) => each[0] === one[0])) expect(result).toContain(one);
        }
        for (const one of old) {
          if (!mine.some((each) => each[0] === one[0])) expect(names).not.toContain(one[0]);
        }
        for (const one of linesOf(theirs)) {
          const isNew = !old.some((each) => each[0] === one[0]);
          const isReported = conflicts.some(({ account }) => account === one[0]);
          if (isNew) expect(names.includes(one[0]) || isReported).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('follow the image where nothing was changed, keep ours where the image did not change', () => {
    fc.assert(
      fc.property(file, file, (one, other) => {
        const sorted = (text: string): readonly string[] => linesOf(text).toSorted();
        const kept = mergeAccountLines('passwd', { base: one, ours: other, theirs: one });
        expect([kept.text, kept.conflicts]).toEqual([other, []]);
        const followed = mergeAccountLines('shadow', { base: one, ours: one, theirs: other });
        expect([sorted(followed.text), followed.conflicts]).toEqual([sorted(other), []]);
      }),
      { numRuns: 1000 },
    );
  });
});
