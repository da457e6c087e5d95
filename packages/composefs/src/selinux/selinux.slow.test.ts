import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDump } from '../dump/parser.ts';
import { walkTree } from '../tree-path.ts';
import { FileContexts } from './file-contexts.ts';
import { readImagePolicy } from './image-policy.ts';
import { labelTree } from './label-tree.ts';
import { parsePattern } from './path-pattern.ts';
import { PatternSet } from './pattern-set.ts';
import { Substitutions } from './substitutions.ts';

function contexts(text: string): FileContexts {
  return new FileContexts([{ name: 'file_contexts', text }]);
}

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('expressions', () => {
  const TEXTS = [
    '',
    'a',
    'b',
    'ab',
    'aab',
    'abc',
    'aaa',
    '/',
    '/a',
    '/a/b',
    '/ab/',
    '-',
    '.',
    'a.b',
    'A',
    '9',
    '\n',
    '\xff',
  ];

  test.each([
    'a',
    'a*',
    'a+b',
    'ab?',
    '(ab)*',
    '(a|b)+',
    'a{2}',
    'a{1,2}b',
    'a{2,}',
    '.',
    '.*',
    'a.b',
    'a\\.b',
    '[ab]+',
    '[^a]',
    '[a-c]*',
    '[]a]',
    '[^]a]',
    '[a-]',
    '\\d',
    '\\w+',
    '\\W',
    '[\\d.]',
    '/a(/.*)?',
    '(?:a|)b',
    '(a*)*b',
    'a|ab|',
    '^a$',
    'a\\$?',
    '(/[^/]*)+',
    '[[:alpha:]]',
    '.*?b',
    '\\-',
    '((a|b)(c|))*',
  ])('%s matches what it matches elsewhere', (expression) => {
    const set = new PatternSet();
    set.add(parsePattern(expression));
    const posix = expression
      .replace('[:alpha:]', 'a-zA-Z')
      .replace('[]a]', '[\\]a]')
      .replace('[^]a]', '[^\\]a]');
    const peer = new RegExp(`^(?:${posix.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')})$`, 's');
    expect(TEXTS.filter((text) => set.match(text).length > 0)).toEqual(
      TEXTS.filter((text) => peer.test(text)),
    );
  });

  test('random ones match what they match elsewhere', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', 'ab', '/');
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        atom,
        fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `${a}${b}`),
        fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a}|${b})`),
        fc
          .tuple(tie('expression'), fc.constantFrom('*', '+', '?', '{1,2}'))
          .map(([a, count]) => `(${a})${count}`),
      ),
    }));
    fc.assert(
      fc.property(
        fc.array(expression, { minLength: 1, maxLength: 4 }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 6 })),
        (expressions, texts) => {
          const set = new PatternSet();
          for (const each of expressions) set.add(parsePattern(each));
          for (const text of texts) {
            const expected = expressions.flatMap((each, index) =>
              new RegExp(`^(?:${each})$`, 's').test(text) ? [index] : [],
            );
            expect(set.match(text)).toEqual(expected);
          }
        },
      ),
    );
  });

  test('none is slow, whatever it says', () => {
    const set = new PatternSet();
    set.add(parsePattern('(a+)+(a*)*(a|a)*b'));
    expect(set.match('a'.repeat(100_000))).toEqual([]);
    expect(set.match(`${'a'.repeat(100_000)}b`)).toEqual([0]);
  });

  test.each([
    '(',
    ')',
    'a**',
    '*',
    '[',
    '[a',
    'a\\',
    '\\1',
    '(?=a)',
    '(?<n>a)',
    'a^b',
    'a$b',
    '[z-a]',
    '[[:x:]]',
    'a{9999}',
    '('.repeat(200),
    '((((a{999}){999}){999}){999})',
    '((((){999}){999}){999}){999}',
  ])('refuses %s', (expression) => {
    const error = errorOf(() => contexts(`/x ok_t\n${expression} x_t\n`));
    expect(isSlipwayError(error, 'SELINUX_POLICY_INVALID') && error.details['where']).toBe(
      'line 2 of file_contexts',
    );
  });
});

describe('file_contexts', () => {
  test('the last line that fits counts, lines without special characters before all', () => {
    const policy = contexts(
      [
        '# a comment',
        '',
        '/.*  default_t',
        '/etc/passwd  exact_t',
        '/etc(/.*)?\tetc_t',
        '/etc/.* -d\tdirectory_t',
        '/etc/x\\.y literal_t',
        '/proc/.* <<none>>',
      ].join('\n'),
    );
    expect(policy.labelOf('/a', 'regular')).toBe('default_t');
    expect(policy.labelOf('/etc', 'directory')).toBe('etc_t');
    expect(policy.labelOf('/etc/a', 'regular')).toBe('etc_t');
    expect(policy.labelOf('/etc/a', 'directory')).toBe('directory_t');
    expect(policy.labelOf('/etc/passwd', 'regular')).toBe('exact_t');
    expect(policy.labelOf('/etc/x.y', 'symlink')).toBe('literal_t');
    expect(policy.labelOf('/etc/xzy', 'symlink')).toBe('etc_t');
    expect(policy.labelOf('/proc/1', 'directory')).toBeUndefined();
    expect(policy.labelOf('relative', 'regular')).toBeUndefined();
  });

  test.each(['/a', '/a -x t', '/a -- t u', '/a t\x7f'])('refuses the line %j', (line) => {
    expect(
      isSlipwayError(
        errorOf(() => contexts(line)),
        'SELINUX_POLICY_INVALID',
      ),
    ).toBe(true);
  });
});

test('paths are substituted once by each file, at whole names', () => {
  const subs = new Substitutions(
    { name: 'subs', text: '/srv /var/lib64\n' },
    { name: 'dist', text: '# comment\n/lib64 /usr/lib\n/var/lib64 /var/lib\n/chroot /\n' },
  );
  expect(
    ['/srv/a', '/lib64', '/lib64x', '/lib64/a', '/chroot/etc', '/a'].map((path) => subs.apply(path)),
  ).toEqual(['/var/lib/a', '/usr/lib', '/lib64x', '/usr/lib/a', '/etc', '/a']);
});

const DUMP = `/ 0 40755 2 0 0 0 1.0 - - - security.selinux=old
/a 1 100644 2 0 0 0 1.0 - x -
/etc 0 40755 2 0 0 0 1.0 - - -
/etc/b 1 @100644 2 0 0 0 1.0 /a - -
/etc/none 1 100644 1 0 0 0 1.0 - x - security.selinux=old security.capability=c
/etc/selinux 0 40755 2 0 0 0 1.0 - - -
/etc/selinux/config 27 100644 1 0 0 0 1.0 - # x\\n\\x20SELINUXTYPE\\x20=\\x20tiny\\x20\\n -
/etc/selinux/tiny 0 40755 2 0 0 0 1.0 - - -
/etc/selinux/tiny/contexts 0 40755 2 0 0 0 1.0 - - -
/etc/selinux/tiny/contexts/files 0 40755 2 0 0 0 1.0 - - -
/etc/selinux/tiny/contexts/files/file_contexts SIZE 100644 1 0 0 0 1.0 - CONTENT -
`;

function imageWith(contextsText: string): ReturnType<typeof parseDump>['root'] {
  const escaped = contextsText.replaceAll(' ', '\\x20').replaceAll('\n', '\\n');
  const text = DUMP.replace('# x', '#\\x20x')
    .replace('SIZE', `${contextsText.length}`)
    .replace('CONTENT', escaped);
  return parseDump(Buffer.from(text.replace(/config \d+/, `config ${'# x\n SELINUXTYPE = tiny \n'.length}`)))
    .root;
}

describe('a tree is labelled by the policy it carries', () => {
  test('every file, by its last name', async () => {
    const tree = imageWith('/(.*)? any_t\n/etc/b b_t\n/etc/none <<none>>\n');
    const labels = await readImagePolicy(
      tree,
      (node) => [node.content.kind === 'inline' ? node.content.bytes : Buffer.alloc(0)] as never,
    );
    if (labels === undefined) throw new Error('no policy');
    const labelled = labelTree(tree, labels);
    const seen = [...walkTree(labelled)].map(({ path, node }) => [
      path,
      node.meta.xattrs.get('security.selinux')?.toString(),
    ]);
    expect(Object.fromEntries(seen)).toMatchObject({
      '/': 'any_t',
      '/a': 'b_t',
      '/etc/b': 'b_t',
      '/etc/none': undefined,
      '/etc': 'any_t',
    });
    expect(labelled.entries.get('a')).toBe((labelled.entries.get('etc') as typeof labelled).entries.get('b'));
    expect(tree.meta.xattrs.get('security.selinux')?.toString()).toBe('old');
  });

  test('or by none', async () => {
    const bare = parseDump(Buffer.from('/ 0 40755 2 0 0 0 1.0 - - -\n')).root;
    expect(await readImagePolicy(bare, () => [] as never)).toBeUndefined();
  });
});
