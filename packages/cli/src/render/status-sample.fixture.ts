import type { BootcBootEntry, BootcHost } from '@slipway/host';

function entry(
  letter: string,
  digit: string,
  image: { readonly image: string; readonly transport: string },
  facts: { readonly version: string | null; readonly timestamp: string | null },
): BootcBootEntry {
  return {
    image: { image, ...facts, imageDigest: `sha256:${digit.repeat(64)}`, architecture: 'amd64' },
    cachedUpdate: null,
    incompatible: false,
    pinned: false,
    softRebootCapable: false,
    downloadOnly: false,
    store: null,
    ostree: null,
    composefs: {
      verity: letter.repeat(64),
      bootType: 'Bls',
      bootloader: 'systemd',
      bootDigest: digit.repeat(64),
      missingVerityAllowed: false,
    },
  };
}

function row(
  index: number,
  letter: string,
  role: 'staged' | 'booted' | 'rollback',
  version: string | null,
): BootcHost['slipway']['deployments'][number] {
  return { index, deployment: letter.repeat(64), role, pinned: false, version, bootable: true };
}

const SHOP = { image: 'registry.example/shop:stable', transport: 'registry' } as const;

/** A host with everything: an update staged, one running in its first boot, one to go back to. For tests. */
export const HOST: BootcHost = {
  apiVersion: 'org.containers.bootc/v1',
  kind: 'BootcHost',
  metadata: { name: 'host' },
  spec: { image: SHOP, bootOrder: 'default' },
  status: {
    staged: entry('c', '3', SHOP, { version: '3', timestamp: '2026-11-20T10:00:00Z' }),
    booted: entry('b', '2', SHOP, { version: '2', timestamp: '2026-11-19T10:00:00Z' }),
    rollback: entry(
      'a',
      '1',
      { image: '/media/usb:v1', transport: 'oci' },
      { version: null, timestamp: null },
    ),
    otherDeployments: [],
    rollbackQueued: false,
    type: 'bootcHost',
    usrOverlay: null,
  },
  slipway: {
    nextBoot: 'c'.repeat(64),
    bootCounter: { triesLeft: 2, triesDone: 1 },
    health: 'unconfirmed',
    checks: null,
    fallback: null,
    staged: {
      deployment: 'c'.repeat(64),
      stagedAt: '2026-11-20T12:00:00Z',
      etcPolicy: 'ours',
      etcConflicts: [{ path: '/etc/motd', kind: 'both-changed' }],
      failure: null,
    },
    deployments: [
      row(0, 'c', 'staged', '3'),
      row(1, 'b', 'booted', '2'),
      { ...row(2, 'a', 'rollback', null), pinned: true },
    ],
    denied: [
      {
        manifestDigest: `sha256:${'4'.repeat(64)}`,
        deployment: 'd'.repeat(64),
        image: SHOP.image,
        version: '2.9',
        since: '2026-11-18T10:00:00Z',
        reason: 'the upgrade did not come up in 3 attempts',
      },
    ],
    bootCopies: null,
    factoryReset: null,
    transient: [],
    trust: {},
    history: [{ time: '2026-11-20T12:00:00Z', event: 'staged', deployment: 'c'.repeat(64) }],
    problems: [],
    asOf: null,
  },
};
