import { simulatedImage } from '@slipway/agent';
import type { FleetInput, ImageRef, Labels, PolicyInput, ReleaseInput } from '@slipway/fleet-api';

/** What the demonstration shows. */
export const DEMO_FLEET = 'shops';
export const FIRST_RELEASE = 'v1';
export const NEXT_RELEASE = 'v2';
const POLICY = 'careful';
const SITES = ['amsterdam', 'berlin', 'lisbon', 'porto', 'vienna'] as const;
/** One device in so many is a canary. */
const CANARY_EVERY = 10;

function reference(version: string): string {
  return `registry.example/shop:${version}`;
}

/** What the devices of the demonstration run when they enrol. */
export const FIRST_IMAGE: ImageRef = simulatedImage(reference(FIRST_RELEASE));

export function demoRelease(version: string, notes: string): ReleaseInput {
  const { digest } = simulatedImage(reference(version));
  const images = [{ architecture: 'amd64', reference: reference(version), digests: [digest] as [string] }];
  return {
    apiVersion: 'slipway/v1',
    kind: 'Release',
    metadata: { name: version },
    spec: { version: version.slice(1), images, notes },
  };
}

/** Canaries, a quarter, the rest; seconds where people would take hours, so that one can watch. */
export function demoPolicy(): PolicyInput {
  return {
    apiVersion: 'slipway/v1',
    kind: 'Policy',
    metadata: { name: POLICY },
    spec: {
      description: 'Canaries first, then a quarter, then everybody; stops when a tenth fails.',
      batches: [
        { name: 'canary', selector: 'stage=canary' },
        { name: 'early', percent: 25 },
      ],
      soakSeconds: 3,
      stableSeconds: 2,
      maxConcurrent: { percent: 50 },
      errorThreshold: { percent: 10, action: 'halt' },
    },
  };
}

export function demoFleet(release?: string): FleetInput {
  return {
    apiVersion: 'slipway/v1',
    kind: 'Fleet',
    metadata: { name: DEMO_FLEET },
    spec: {
      description: 'Cash desks of five cities, simulated.',
      selector: 'kind=shop',
      policy: POLICY,
      intervalSeconds: 5,
      ...(release === undefined ? {} : { release }),
    },
  };
}

export function demoLabels(device: number): Labels {
  const site = SITES[device % SITES.length] ?? SITES[0];
  return { kind: 'shop', site, stage: device % CANARY_EVERY === 1 ? 'canary' : 'wide' };
}
