import { expect, test } from 'vitest';
import { OutboundGuard } from './outbound-guard.ts';

const guard = new OutboundGuard();

test.each([
  'https://127.0.0.1/',
  'https://127.1/',
  'https://2130706433/',
  'https://0x7f.1/',
  'https://0/',
  'https://10.1.2.3/',
  'https://172.16.0.1/',
  'https://192.168.1.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://100.100.100.200/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://[::1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://[64:ff9b::a00:1]/',
  'https://[fd00:ec2::254]/',
  'https://[fe80::1]/',
  'https://[2002:7f00:1::]/',
  'https://localhost/',
  'https://user:secret@1.1.1.1/',
  'http://1.1.1.1/',
  'file:///etc/passwd',
  'ext::sh -c id',
  '/etc/passwd',
])('%s is refused', async (url) => {
  await expect(guard.resolve(url)).rejects.toMatchObject({ code: 'FLEET_ADDRESS_REFUSED' });
});

test('public addresses are not', async () => {
  expect(await guard.resolve('https://1.1.1.1:8443/x')).toMatchObject({
    port: 8443,
    addresses: ['1.1.1.1'],
  });
  expect(await guard.resolve('https://[2606:4700::1111]/')).toMatchObject({
    host: '2606:4700::1111',
    port: 443,
    addresses: ['2606:4700::1111'],
  });
});

test('a network that was allowed is reached, its neighbours are not', async () => {
  const wider = new OutboundGuard(['10.1.0.0/16', 'fd00::/8', '127.0.0.1']);
  for (const url of ['https://10.1.2.3/', 'https://[fd00::7]/', 'https://127.0.0.1/'])
    expect((await wider.resolve(url)).addresses).toHaveLength(1);
  await expect(wider.resolve('https://10.2.0.1/')).rejects.toMatchObject({ code: 'FLEET_ADDRESS_REFUSED' });
});

test.each(['everything', '10.0.0.0/33', '10.0.0.0/8/8', '::/129', '10.0.0.0/', ''])(
  '%o is no network',
  (network) => {
    expect(() => new OutboundGuard([network])).toThrow(
      expect.objectContaining({ code: 'FLEET_NETWORK_INVALID' }),
    );
  },
);

test('plain HTTP is for networks that were allowed, where it is asked for', async () => {
  const wider = new OutboundGuard(['10.1.0.0/16']);
  expect(await wider.resolve('http://10.1.2.3:9093/', { plain: true })).toMatchObject({ port: 9093 });
  expect(await wider.resolve('http://10.1.2.3/', { plain: true })).toMatchObject({ port: 80 });
  for (const [url, plain] of [
    ['http://10.1.2.3/', false],
    ['http://1.1.1.1/', true],
    ['http://10.2.0.1/', true],
    ['ftp://10.1.2.3/', true],
    ['http://user@10.1.2.3/', true],
  ] as const)
    await expect(wider.resolve(url, { plain })).rejects.toMatchObject({ code: 'FLEET_ADDRESS_REFUSED' });
});
