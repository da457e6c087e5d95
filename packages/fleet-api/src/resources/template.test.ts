import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fillTemplate, templateFault, templateSample } from './template.ts';

const device = { name: 'd1', labels: { site: 'berlin', 'example.org/rack': 'r7', empty: '' } };

test.each([
  ['{{ .labels.site }}', 'berlin'],
  ['{{labels.site}}', 'berlin'],
  ['{{ .name }}/{{ name }}', 'd1/d1'],
  ['a {{ .labels.example.org/rack }} b', 'a r7 b'],
  ['<{{ .labels.empty }}>', '<>'],
  ['{"a": {"b": 1}}', '{"a": {"b": 1}}'],
])('%s is %s', (text, filled) => {
  expect(templateFault(text)).toBeUndefined();
  expect(fillTemplate(text, device)).toEqual({ text: filled });
});

test.each([
  '{{ }}',
  '{{ site }}',
  '{{ .labels }}',
  '{{ .labels. }}',
  '{{ .labels.site | upper }}',
  '{{ .labels.site',
  '{{ .name.length }}',
  '{{ constructor.constructor("return process")() }}',
  '{{{ .name }}}',
])('%s is a mistake', (text) => {
  expect(templateFault(`first\n${text}`)).toMatch(/^line 2: .*\{\{ \.labels\.NAME \}\}/);
});

test('a label the device lacks is named', () => {
  expect(fillTemplate('{{ .labels.site }} {{ .labels.shelf }} {{ .labels.row }}', device)).toEqual({
    missing: 'shelf',
  });
  for (const label of ['constructor', '__proto__', 'toString'])
    expect(fillTemplate(`{{ .labels.${label} }}`, device)).toEqual({ missing: label });
});

test('values are written as the place wants them', () => {
  const odd = { name: 'd', labels: { a: 'b:c' } };
  expect(fillTemplate('/{{ .labels.a }}', odd, encodeURIComponent)).toEqual({ text: '/b%3Ac' });
  expect(templateSample('/{{ .labels.a }}/{{ name }}')).toBe('/x/x');
});

test('what a label brings in is not filled in again, and text without braces stays', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      expect(fillTemplate('{{ .labels.a }}', { name: 'n', labels: { a: value } })).toEqual({ text: value });
      const plain = value.replaceAll('{{', '');
      expect(fillTemplate(plain, device)).toEqual({ text: plain });
      expect(templateFault(plain)).toBeUndefined();
    }),
  );
});
