import { generateKeyPairSync } from 'node:crypto';
import { makeTempDir } from '@slipway/core';
import type { Grant } from '@slipway/fleet-api';
import { expect, test } from 'vitest';
import { startServer } from '../testing/running-server.ts';
import { clientOf } from '../testing/test-client.ts';
import { TestDevice } from '../testing/test-device.ts';
import { rawPublicKey, sshKeyLine } from './ssh-public-key.ts';

const IMAGE = { reference: 'registry.example/shop:v1', digest: `sha256:${'a'.repeat(64)}` };
const publicKey = sshKeyLine(rawPublicKey(generateKeyPairSync('ed25519').publicKey), 'test');

test('a certificate reaches as far as the role, and no further', async () => {
  await using directory = await makeTempDir('ssh-principals');
  await using running = await startServer({ root: directory.path });
  const { server, admin } = running;
  const header = { apiVersion: 'slipway/v1', metadata: { name: 'helper' } } as const;
  await admin.call('roles.put', {
    params: { name: 'helper' },
    body: { ...header, kind: 'Role', spec: { permissions: ['devices:ssh'] } },
  });
  const enrol = async (name: string, site: string): Promise<string> => {
    const { secret } = await admin.call('enrolmentTokens.create', { body: { name, labels: { site } } });
    return (await TestDevice.enrol(server.url, server.authority, secret, IMAGE)).name;
  };
  const berlin = await enrol('one', 'berlin');
  const paris = await enrol('two', 'paris');
  let tokens = 0;
  const principals = async (grant: Omit<Grant, 'role'>, devices?: readonly string[]): Promise<unknown> => {
    tokens += 1;
    const grants = [{ role: 'helper', ...grant }];
    const { secret } = await admin.call('tokens.create', { body: { name: `t${tokens}`, grants } });
    const helper = clientOf(server.url, server.authority, secret);
    const body = { publicKey, ...(devices === undefined ? {} : { devices }) };
    return (await helper.call('ssh.certify', { body })).principals;
  };
  expect(await principals({})).toEqual(['organisation:default']);
  expect(await principals({ fleets: ['a', 'b'] })).toEqual(['fleet:default/a', 'fleet:default/b']);
  expect(await principals({ selector: 'site=berlin' })).toEqual([`device:${berlin}`]);
  expect(await principals({ selector: 'site=berlin' }, [berlin])).toEqual([`device:${berlin}`]);
  await expect(principals({ selector: 'site=berlin' }, [paris])).rejects.toMatchObject({
    problem: { code: 'FLEET_NOT_FOUND' },
  });
  await expect(principals({ selector: 'site=rome' })).rejects.toMatchObject({
    problem: { code: 'FLEET_FORBIDDEN' },
  });
});

test('a certificate ends with the login it was asked with', async () => {
  await using directory = await makeTempDir('ssh-until');
  await using running = await startServer({ root: directory.path });
  const { server, admin } = running;
  const expiresAt = new Date(Date.now() + 600_000).toISOString();
  const { secret } = await admin.call('tokens.create', {
    body: { name: 'short', grants: [{ role: 'operator' }], expiresAt },
  });
  const { notAfter } = await clientOf(server.url, server.authority, secret).call('ssh.certify', {
    body: { publicKey },
  });
  expect(Date.parse(notAfter)).toBeLessThanOrEqual(Date.parse(expiresAt));
});
