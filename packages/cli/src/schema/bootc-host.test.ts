/**
 * What others read: the fields of bootc's `host-v1` schema with their types, kept apart from our own schema so that no change
 * of ours goes unnoticed there. Derived from what the fields mean; strict about names, so what is ours is `slipway` alone.
 */
import { statusOfNoHost } from '@slipway/host';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { HOST } from '../render/status-sample.fixture.ts';

const signature = z.union([
  z.strictObject({ ostreeRemote: z.string() }),
  z.literal(['containerPolicy', 'insecure']),
]);
const imageReference = z.strictObject({
  image: z.string(),
  transport: z.string(),
  signature: signature.nullish(),
});
const imageStatus = z.strictObject({
  image: imageReference,
  version: z.string().nullish(),
  timestamp: z.iso.datetime({ offset: true }).nullish(),
  imageDigest: z.string(),
  architecture: z.string(),
});
const ostree = z.strictObject({
  stateroot: z.string(),
  checksum: z.string(),
  deploySerial: z.int().nonnegative(),
});
const composefs = z.strictObject({
  verity: z.string(),
  bootType: z.literal(['Bls', 'Uki']),
  bootloader: z.string(),
  bootDigest: z.string().nullish(),
  missingVerityAllowed: z.boolean(),
});
const bootEntry = z.strictObject({
  image: imageStatus.nullish(),
  cachedUpdate: imageStatus.nullish(),
  incompatible: z.boolean(),
  pinned: z.boolean(),
  softRebootCapable: z.boolean(),
  downloadOnly: z.boolean(),
  store: z.literal('ostreeContainer').nullish(),
  ostree: ostree.nullish(),
  composefs: composefs.nullish(),
});
const bootcHost = z.strictObject({
  apiVersion: z.literal('org.containers.bootc/v1'),
  kind: z.literal('BootcHost'),
  metadata: z.strictObject({ name: z.string() }),
  spec: z.strictObject({
    image: imageReference.nullable(),
    bootOrder: z.literal(['default', 'rollback']),
  }),
  status: z.strictObject({
    staged: bootEntry.nullable(),
    booted: bootEntry.nullable(),
    rollback: bootEntry.nullable(),
    otherDeployments: z.array(bootEntry),
    rollbackQueued: z.boolean(),
    type: z.literal('bootcHost').nullable(),
    usrOverlay: z
      .strictObject({
        accessMode: z.literal(['readOnly', 'readWrite']),
        persistence: z.literal(['transient', 'persistent']),
      })
      .nullable(),
  }),
});

/** The document a reader of bootc's sees: what it does not know, it passes over. */
function asBootcSees(document: object): unknown {
  const { slipway: _beyond, ...rest } = { slipway: undefined, ...document };
  return JSON.parse(JSON.stringify(rest));
}

describe('status is a BootcHost', () => {
  test.each([
    ['of a host with everything', HOST],
    ['of no host', statusOfNoHost()],
    [
      'with a layer over /usr',
      {
        ...HOST,
        status: { ...HOST.status, usrOverlay: { accessMode: 'readWrite', persistence: 'transient' } },
      },
    ],
  ])('%s', (_what, document) => {
    expect(bootcHost.safeParse(asBootcSees(document)).error?.issues).toBeUndefined();
  });

  test('nothing of ours stands among its fields', () => {
    const spoilt = { ...HOST, status: { ...HOST.status, health: 'good' } };
    expect(bootcHost.safeParse(asBootcSees(spoilt)).success).toBe(false);
  });
});
