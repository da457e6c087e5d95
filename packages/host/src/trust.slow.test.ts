import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError } from '@slipway/core';
import { generateKeyPair, layoutSource, parsePrivateKey, parseReference, signWholeImage } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { checkUpdate } from './check.ts';
import { readHistory } from './history.ts';
import { stageUpdate } from './stage.ts';
import type { StageResult } from './stage-result.ts';
import { hostStatus } from './status.ts';
import { installed, V2 } from './testing/scenario.ts';
import { deploymentIds, hostDir, partsOf, type TestHost } from './testing/test-host.ts';
import { writeTestImage } from './testing/test-image.ts';

const NAME = 'registry.example/os:stable';

describe('under a policy that demands a signature', () => {
  test('an image without one is refused before anything of it is here, and the history says so', async () => {
    await using dir = await hostDir('trust');
    const v1 = await installed(dir.path);
    const policy = await policyOf(dir.path, (await keyPair(dir.path)).publicPath);
    await writeTestImage(partsOf(dir.path).images, V2);
    const source = layoutSource(layoutReference(partsOf(dir.path).images));
    expect(await checkUpdate(v1, source, { signaturePolicy: policy })).toMatchObject({
      kind: 'available',
      trust: { kind: 'refused', rule: 'oci' },
    });
    const thrown: unknown = await stageUnder(v1, policy).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'SIGNATURE_REFUSED')).toBe(true);
    expect(await deploymentIds(dir.path)).toEqual([v1.bootedId]);
    expect((await readHistory(v1.layout.history, 1))[0]).toMatchObject({
      event: 'failed',
      code: 'SIGNATURE_REFUSED',
    });
    expect((await hostStatus(v1)).slipway.trust).toEqual({});
  });

  test('who signed, and under which rule, is kept with the deployment', async () => {
    await using dir = await hostDir('trust');
    const v1 = await installed(dir.path);
    const { key, publicPath } = await keyPair(dir.path);
    const { images } = partsOf(dir.path);
    const reference = layoutReference(images);
    await writeTestImage(images, V2);
    await signWholeImage({ reference, identity: NAME, key, formats: ['cosign'] });
    const policy = await policyOf(dir.path, publicPath);
    const staged = await stageUnder(v1, policy);
    expect(staged.kind).toBe('staged');
    expect((await hostStatus(v1)).slipway.trust).toEqual({
      [staged.deployment]: {
        kind: 'verified',
        policy,
        rule: 'oci',
        signedBy: [expect.stringContaining(key.publicKey.fingerprint.slice(0, 16))],
      },
    });
  });
});

test('without one it is said that nothing was verified', async () => {
  await using dir = await hostDir('trust');
  const v1 = await installed(dir.path);
  await writeTestImage(partsOf(dir.path).images, V2);
  const policy = join(dir.path, 'policy.json');
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const { deployment } = await stageUnder(v1, policy);
  const trust = { kind: 'unverified', policy, rule: 'default', signedBy: [] };
  expect((await hostStatus(v1)).slipway.trust).toEqual({ [deployment]: trust });
});

async function stageUnder(host: TestHost, signaturePolicy: string): Promise<StageResult> {
  const { images } = partsOf(host.directory);
  await writeTestImage(images, V2);
  const reference = layoutReference(images);
  await using source = layoutSource(reference);
  return await stageUpdate(host, { source, reference, signaturePolicy, command: 'slipway upgrade' });
}

function layoutReference(images: string): Parameters<typeof layoutSource>[0] {
  const reference = parseReference(`oci:${images}:stable`);
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  return reference;
}

async function keyPair(
  directory: string,
): Promise<{ readonly key: Awaited<ReturnType<typeof parsePrivateKey>>; readonly publicPath: string }> {
  const { privatePem, publicPem } = await generateKeyPair('');
  const publicPath = join(directory, 'signer.pub');
  await writeFile(publicPath, publicPem);
  return { key: await parsePrivateKey(privatePem, async () => '', 'signer.key'), publicPath };
}

async function policyOf(directory: string, keyPath: string): Promise<string> {
  const path = join(directory, 'policy.json');
  const signedIdentity = { type: 'exactReference', dockerReference: NAME };
  const transports = { oci: { '': [{ type: 'sigstoreSigned', keyPath, signedIdentity }] } };
  await writeFile(path, JSON.stringify({ default: [{ type: 'reject' }], transports }));
  return path;
}
