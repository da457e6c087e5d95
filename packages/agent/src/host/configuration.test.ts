import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, silentLog } from '@slipway/core';
import type { DesiredState } from '@slipway/fleet-api';
import { expect, test } from 'vitest';
import { AgentFiles } from '../record/agent-files.ts';
import { HostConfiguration } from './configuration.ts';

type Config = DesiredState['config'];

function config(letter: string, files: Readonly<Record<string, string>>): Config {
  return {
    digest: `sha256:${letter.repeat(64)}`,
    files: Object.entries(files).map(([path, text]) => ({
      path,
      mode: '0640',
      contentBase64: Buffer.from(text).toString('base64'),
    })),
    apps: [],
    trySeconds: null,
  };
}

async function host() {
  const directory = await makeTempDir('agent-configuration');
  const files = new AgentFiles(join(directory.path, 'agent'), silentLog);
  await files.prepare();
  const root = join(directory.path, 'root');
  await mkdir(join(root, 'etc'), { recursive: true });
  await writeFile(join(root, 'etc/motd'), 'of the image');
  const text = async (path: string): Promise<string | undefined> =>
    await readFile(join(root, path), 'utf8').catch(() => undefined);
  const again = (): HostConfiguration => new HostConfiguration(files, root);
  return { files, root, text, again, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

test('puts files in place, replaces them, and gives back what was there before', async () => {
  await using machine = await host();
  const { text, root } = machine;
  const configuration = machine.again();
  await configuration.apply(config('a', { '/etc/motd': 'one', '/etc/shop/site': 'berlin' }));
  await configuration.keep();
  expect([await text('etc/motd'), await text('etc/shop/site')]).toEqual(['one', 'berlin']);
  expect((await stat(join(root, 'etc/motd'))).mode & 0o777).toBe(0o640);
  await configuration.apply(config('b', { '/etc/shop/site': 'porto' }));
  await configuration.keep();
  expect([await text('etc/motd'), await text('etc/shop/site')]).toEqual(['of the image', 'porto']);
  expect(await configuration.digest()).toBe(`sha256:${'b'.repeat(64)}`);
  await configuration.clear();
  expect([await text('etc/motd'), await text('etc/shop/site')]).toEqual(['of the image', undefined]);
  expect(await configuration.digest()).toBeNull();
});

test('a change that is not kept is taken back, by another process as well, and no more than once', async () => {
  await using machine = await host();
  const first = machine.again();
  await first.apply(config('a', { '/etc/motd': 'one' }));
  await first.keep();
  await first.apply(config('b', { '/etc/motd': 'two', '/etc/new': 'two' }));
  await machine.again().revert();
  expect([await machine.text('etc/motd'), await machine.text('etc/new')]).toEqual(['one', undefined]);
  await writeFile(join(machine.root, 'etc/motd'), 'by hand');
  await machine.again().revert();
  expect(await machine.text('etc/motd')).toBe('by hand');
  expect(await machine.again().digest()).toBe(`sha256:${'a'.repeat(64)}`);
});

test.each([
  '/usr/bin/sh',
  '/etc/../usr/bin/sh',
  '/etc/./x',
  '/var/lib/slipway/agent/key.pem',
  'etc/x',
  '/etc/',
])('refuses %s before anything is written', async (path) => {
  await using machine = await host();
  const bad = config('a', { '/etc/motd': 'one', [path]: 'x' });
  await expect(machine.again().apply(bad)).rejects.toMatchObject({ code: 'AGENT_FILE_REFUSED' });
  expect(await machine.text('etc/motd')).toBe('of the image');
});
