import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeTempDir } from '@slipway/core';
import type { LayoutReference } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { splitArguments } from './build-arguments.ts';
import { buildContainerfile } from './containerfile.ts';

const OUTPUT: LayoutReference = { kind: 'oci', path: '/nonexistent/out', tag: 'v1', digest: undefined };

describe('a build that cannot start', () => {
  test('names the Containerfile it looked for', async () => {
    await using directory = await makeTempDir('containerfile');

    await expect(buildContainerfile({ context: directory.path, output: OUTPUT })).rejects.toMatchObject({
      code: 'CONTAINERFILE_MISSING',
      message: expect.stringContaining(join(directory.path, 'Containerfile')),
    });
  });

  test('says that the context is a file', async () => {
    await using directory = await makeTempDir('containerfile');
    const context = join(directory.path, 'Containerfile');
    await writeFile(context, 'FROM scratch\n');

    await expect(buildContainerfile({ context, output: OUTPUT })).rejects.toMatchObject({
      code: 'CONTAINERFILE_MISSING',
    });
  });
});

describe('build arguments', () => {
  test('that are layouts become absolute images, all others stay as they are', () => {
    const { images, plain } = splitArguments({ BASE: 'oci:build/base:13', VERSION: '2', NOTE: 'a:b' });

    expect(images).toEqual([
      { name: 'BASE', reference: { kind: 'oci', path: resolve('build/base'), tag: '13', digest: undefined } },
    ]);
    expect(plain).toEqual([
      { name: 'VERSION', value: '2' },
      { name: 'NOTE', value: 'a:b' },
    ]);
  });
});
