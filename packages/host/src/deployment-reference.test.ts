import { isSlipwayError } from '@slipway/core';
import { layoutSource } from '@slipway/oci';
import { expect, test } from 'vitest';
import { deploymentReference } from './deployment-reference.ts';
import { installed, V2 } from './testing/scenario.ts';
import { hostDir, stage } from './testing/test-host.ts';

test('deployments lead to the very images they came from, though the tag names another by now', async () => {
  await using dir = await hostDir('reference');
  const host = await installed(dir.path);
  await stage(host, V2);
  const versions = [];
  for (const name of ['booted', 'staged']) {
    const reference = await deploymentReference(host, name);
    if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
    await using source = layoutSource(reference);
    versions.push((await source.resolve('amd64')).config.labels['org.opencontainers.image.version']);
  }
  expect(versions).toEqual(['1', '2']);
  const thrown: unknown = await deploymentReference(host, 'rollback').catch((error: unknown) => error);
  expect(isSlipwayError(thrown, 'NO_SUCH_DEPLOYMENT')).toBe(true);
});
