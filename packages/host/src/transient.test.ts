import { expect, test } from 'vitest';
import { bootedDeploymentId } from './booted-id.ts';
import { transientPlaces } from './transient.ts';

const ID = 'ab'.repeat(32);
const mount = (point: string, source: string) =>
  `2 1 0:2 / ${point} rw,relatime shared:1 - overlay ${source} rw`;
const ROOT = mount('/', `composefs:${ID}`);
const MEMORY = mount('/', `transient:composefs=${ID}`);

test.each([
  ['nothing', [ROOT, mount('/etc', '/dev/vda2'), mount('/var', '/dev/vda2')], []],
  ['nothing where little is mounted', [ROOT], []],
  ['/etc', [ROOT, mount('/etc', 'transient:etc'), mount('/var', '/dev/vda2')], ['/etc']],
  ['not what lies below', [ROOT, mount('/etc', 'transient:etc'), mount('/etc', '/dev/vda2')], []],
  ['the root alone', [MEMORY, mount('/etc', '/dev/vda2'), mount('/var', '/dev/vda2')], ['/']],
  ['the root and what is part of it', [MEMORY, mount('/var', '/dev/vda2')], ['/', '/etc']],
])('in memory is %s', (_what, mounts, expected) => {
  const mountInfo = `${mounts.join('\n')}\n`;
  expect(transientPlaces(mountInfo)).toEqual(expected);
  expect(bootedDeploymentId(mountInfo)).toBe(ID);
});
