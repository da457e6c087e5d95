import { chmod, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError } from '@slipway/core';
import { expect, test } from 'vitest';
import { hostDrift } from './drift.ts';
import { editEtc, installed } from './testing/scenario.ts';
import { hostDir } from './testing/test-host.ts';

test('drift is what an administrator did to /etc, and nothing else', async () => {
  await using dir = await hostDir('drift');
  const host = await installed(dir.path);
  expect(await hostDrift(host)).toEqual({ deployment: host.bootedId, transient: false, differences: [] });
  await editEtc(host);
  await chmod(join(host.etc, 'secret'), 0o644);
  await rm(join(host.etc, 'link'));
  await symlink('/elsewhere', join(host.etc, 'link'));
  await rm(join(host.etc, 'default'));
  await mkdir(join(host.etc, 'default'));
  const { differences } = await hostDrift(host);
  const lines = differences.map(({ path, change, aspects }) => [path, change, ...aspects].join(' '));
  expect(lines).toEqual([
    '/etc/added added',
    '/etc/default changed kind mode',
    '/etc/deleted removed',
    '/etc/edited changed content',
    '/etc/link changed target',
    '/etc/secret changed mode',
    '/etc/sub/local added',
    '/etc/sub/local/file added',
    '/etc/sub/local/link added',
  ]);
  const secret = differences.find(({ path }) => path === '/etc/secret');
  expect([secret?.image?.mode, secret?.here?.mode]).toEqual(['0600', '0644']);
  expect(differences.find(({ path }) => path === '/etc/link')?.here?.target).toBe('/elsewhere');
});

test('drift of a machine that is no host is refused', async () => {
  await using dir = await hostDir('drift');
  const host = { ...(await installed(dir.path)), mountInfo: async () => '' };
  const thrown: unknown = await hostDrift(host).catch((error: unknown) => error);
  expect(isSlipwayError(thrown, 'NOT_A_SLIPWAY_HOST')).toBe(true);
});
