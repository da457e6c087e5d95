/** What names without a registry mean, with real registries to search. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { formatReference } from '../reference.ts';
import { QUICK, RegistryLab } from '../testing/registry-lab.ts';
import { expandReference } from './expand-reference.ts';
import { loadShortNames, type ShortNames } from './short-names.ts';

describe('names without a registry', () => {
  const names = async (...texts: readonly string[]): Promise<ShortNames> => {
    await using temp = await makeTempDir('names-test');
    for (const [index, text] of texts.entries()) await writeFile(join(temp.path, `${index}.conf`), text);
    return await loadShortNames({ files: [], dropInDirectories: [temp.path] });
  };
  const expanded = async (text: string, conf: ShortNames): Promise<string> =>
    formatReference(await expandReference(text, { ...QUICK, shortNames: () => Promise.resolve(conf) }));

  test('an alias, else the one registry to search', async () => {
    const conf = await names(
      'unqualified-search-registries = ["old.example"]\n[aliases]\nshop = "r.example/team/shop"\ngone = "r.example/x"',
      'unqualified-search-registries = ["r.example:5000"]\n[aliases]\ngone = ""\nhub = "docker.io/debian"',
    );
    expect(await expanded('shop', conf)).toBe('r.example/team/shop:latest');
    expect(await expanded('shop:v1', conf)).toBe('r.example/team/shop:v1');
    expect(await expanded(`shop@sha256:${'0'.repeat(64)}`, conf)).toMatch(
      /^r\.example\/team\/shop@sha256:0+$/,
    );
    expect(await expanded('gone', conf)).toBe('r.example:5000/gone:latest');
    expect(await expanded('team/other:v2', conf)).toBe('r.example:5000/team/other:v2');
    expect(await expanded('hub:13', conf)).toBe('docker.io/library/debian:13');
    // What needs no lookup is not looked up.
    for (const text of ['r.example/os:v1', 'oci:/srv/os:v1', 'dir:os', 'localhost/os:v1'])
      expect(await expanded(text, conf)).toBe(text);
  });

  test('none to search is a mistake, and so is what is no name', async () => {
    const none = await names('');
    await expect(expanded('shop:v1', none)).rejects.toMatchObject({ code: 'OCI_REFERENCE_INVALID' });
    const several = await names('unqualified-search-registries = ["a.example", "b.example"]');
    for (const text of ['Shop', 'shop:', 'https://a', '../x', ''])
      await expect(expanded(text, several)).rejects.toMatchObject({ code: 'OCI_REFERENCE_INVALID' });
  });

  test('of several registries the first that has it, one that is down passed over', async () => {
    await using lab = await RegistryLab.open();
    const empty = await lab.startRegistry('empty');
    const search = `unqualified-search-registries = ["127.0.0.1:1", "${empty}", "${lab.plain}"]`;
    for (const mode of ['', 'short-name-mode = ""', 'short-name-mode = "disabled"']) {
      const conf = await names(`${search}\n${mode}`);
      expect(await expanded('os:v1', conf)).toBe(`${lab.plain}/os:v1`);
      expect(await expanded(`os@${lab.image.digest}`, conf)).toBe(`${lab.plain}/os@${lab.image.digest}`);
    }
    await lab.push(`${empty}/os:v1`);
    expect(await expanded('os:v1', await names(search))).toBe(`${empty}/os:v1`);
    const both = await names(`unqualified-search-registries = ["${empty}", "${lab.plain}"]`);
    await expect(expanded('os:v7', both)).rejects.toMatchObject({
      code: 'OCI_NOT_FOUND',
      message: expect.stringMatching(
        new RegExp(`"os:v7".*: tried ${empty}/os:v7 \\(.*\\), ${lab.plain}/os:v7 \\(`),
      ),
    });
    await expect(expanded('os:v7', await names(search))).rejects.not.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });

  test('several are a question where that is enforced', async () => {
    const conf = await names(
      'unqualified-search-registries = ["a.example", "b.example"]',
      'short-name-mode = "enforcing"',
    );
    await expect(expanded('shop:v1', conf)).rejects.toMatchObject({
      code: 'OCI_REFERENCE_INVALID',
      hint: expect.stringContaining('a.example/shop:v1, b.example/shop:v1'),
    });
    const one = await names('unqualified-search-registries = ["a.example"]\nshort-name-mode = "enforcing"');
    expect(await expanded('shop:v1', one)).toBe('a.example/shop:v1');
  });

  test.each([
    'aliases = 1',
    '[aliases]\na = 1',
    'unqualified-search-registries = "a"',
    'short-name-mode = "ask"',
  ])('refuses %j', async (text) => {
    await expect(names(text)).rejects.toMatchObject({ code: 'OCI_REGISTRIES_CONF_INVALID' });
  });
});
