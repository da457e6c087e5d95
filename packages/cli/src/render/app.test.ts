import type { AppSummary } from '@slipway/host';
import { expect, test } from 'vitest';
import { appListWords, appStatusWords, appWords } from './app.ts';

const REVISION: AppSummary['current'] = {
  revision: 2,
  kind: 'app',
  imageId: 'ab'.repeat(32),
  image: { image: 'registry.example/shop:stable', transport: 'registry' },
  manifestDigest: `sha256:${'cd'.repeat(32)}`,
  version: '2',
  installedAt: '2026-01-01T00:00:00Z',
  ports: [{ port: 8080, protocol: 'tcp' }],
  volumes: ['/data'],
  health: null,
};
const SHOP: AppSummary = {
  name: 'shop',
  state: { activeState: 'active', mainPid: 7, restarts: 0, result: 'success' },
  appArmor: { profile: 'slipway-app', mode: 'enforce' },
  current: REVISION,
  previous: { ...REVISION, revision: 1, version: '1' },
  pending: false,
  root: '/run/slipway/apps/shop',
  unit: 'slipway-app-shop.service',
  data: '/var/lib/private/slipway-apps/shop',
};

test('apps are listed with what runs and what was before', () => {
  expect(appListWords([])).toEqual(['no apps']);
  expect(appListWords([SHOP])).toEqual([
    '●     App: shop (active)',
    '    Image: registry.example/shop:stable',
    '  Version: 2 (revision 2)',
    '   Before: 1',
  ]);
});

test('the status of one says where it listens and what it keeps', () => {
  const lines = appStatusWords({ ...SHOP, pending: true });
  expect(lines).toContain('        Data: /var/lib/private/slipway-apps/shop');
  expect(lines.join('\n')).toMatch(/Listens at: 8080\/tcp[^]*Volumes: \/data[^]*Change: not finished/);
});

test.each([
  [SHOP.appArmor, '    AppArmor: enforced (slipway-app)'],
  [{ profile: 'slipway-app', mode: 'complain' }, '    AppArmor: complain (slipway-app)'],
  [null, '    AppArmor: not available'],
])('the status of one that runs says how AppArmor confines it: %j', (appArmor, line) => {
  expect(appStatusWords({ ...SHOP, appArmor })).toContain(line);
  const stopped = { ...SHOP, state: { ...SHOP.state, mainPid: 0 }, appArmor };
  expect(appStatusWords(stopped).join('\n')).not.toContain('AppArmor');
});

test('what became of them is one block each', () => {
  const { name, current } = SHOP;
  const { version, revision, manifestDigest } = current;
  const result = { kind: 'updated', name, version, revision, manifestDigest } as const;
  expect(appWords([result])).toEqual([
    '  Updated: shop',
    '  Version: 2 (revision 2)',
    `   Digest: ${manifestDigest}`,
  ]);
});
