import { isSlipwayError, run } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { COMMAND_TABLE } from '../command/table.ts';
import { manPages } from './man.ts';

const PAGES = manPages(COMMAND_TABLE);

describe.each(PAGES)('$name', ({ text }) => {
  test('has the sections a reader looks for', () => {
    for (const title of ['NAME', 'SYNOPSIS', 'DESCRIPTION', '"EXIT STATUS"', '"SEE ALSO"']) {
      expect(text).toContain(`\n.SH ${title}\n`);
    }
  });

  test('has no line a formatter would take for a request by mistake', () => {
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(\.(TH|SH|TP|PP|BR?|I|RI|RS|RE|nf|fi|br|nh|ad)\b|[^.'])/);
  });
});

test('groff formats every page without a warning, where it is installed', async () => {
  for (const { text } of PAGES) {
    const argv = ['groff', '-ww', '-man', '-Tutf8', '-z'] as const;
    const formatted = run(argv, { describe: 'format a man page', input: text });
    const result = await formatted.catch((thrown: unknown) => {
      if (isSlipwayError(thrown, 'TOOL_MISSING')) return undefined;
      throw thrown;
    });
    expect(result?.stderr ?? '').toBe('');
  }
});

test('a page about a page that is not there is not referred to', () => {
  const names = new Set(PAGES.map((page) => page.name.replace(/\.1$/, '')));
  for (const { text } of PAGES) {
    for (const [, name = ''] of text.matchAll(/^\.BR (\S+) \(1\)$/gm)) expect(names).toContain(name);
  }
});
