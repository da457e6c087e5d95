import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, hostname, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { isSlipwayError, VERSION } from '@slipway/core';
import type { DeviceReport, ImageRef } from '@slipway/fleet-api';
import { type BootcBootEntry, type BootcHost, type HostSystem, hostDrift, hostStatus } from '@slipway/host';
import type { ObservedHost } from '../plan/situation.ts';

/** Free space is told in steps: every other byte is no news. */
const SPACE_STEP_BYTES = 256 * 2 ** 20;
const MAX_MESSAGE = 1000;
const MAX_CHECKS = 128;

/** The state of a host in the words of its fleet. */
export async function observeHost(
  system: HostSystem,
  configDigest: string | null,
  etcDriftCount: number | undefined,
): Promise<ObservedHost> {
  const status = await hostStatus(system);
  const { staged, booted, rollback } = status.status;
  const free = await freeBytes(system.layout.sysroot);
  return {
    bootId: await system.bootId(),
    image: { booted: imageOf(booted), staged: imageOf(staged), rollback: imageOf(rollback) },
    health: healthOf(status),
    configDigest,
    fallback: fallbackOf(status),
    about: {
      agentVersion: VERSION,
      architecture: system.architecture,
      timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      ...(free === undefined ? {} : { freeBytes: free }),
      ...(etcDriftCount === undefined ? {} : { etcDriftCount }),
      facts: await factsOf(system, status),
    },
  };
}

/** How many files of `/etc` differ from those of the image; undefined where that cannot be told. */
export async function countDrift(system: HostSystem, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await hostDrift(system, { signal })).differences.length;
  } catch (thrown) {
    if (isSlipwayError(thrown) && !signal.aborted) return undefined;
    throw thrown;
  }
}

function imageOf(entry: BootcBootEntry | null): ImageRef | null {
  return entry?.image == null
    ? null
    : { reference: entry.image.image.image, digest: entry.image.imageDigest };
}

function healthOf({ slipway: { health, checks } }: BootcHost): DeviceReport['health'] {
  const states = { good: 'healthy', bad: 'failed', unconfirmed: 'unknown', unknown: 'unknown' } as const;
  const all = (checks?.checks ?? []).slice(0, MAX_CHECKS).map(({ name, result, output }) => ({
    name: name.slice(0, 128),
    state: result === 'passed' ? ('passed' as const) : ('failed' as const),
    ...(result === 'passed' ? {} : { message: `${result}: ${output}`.slice(0, MAX_MESSAGE) }),
  }));
  // A wanted check that failed is told and holds nothing up, as on the host itself.
  return { state: states[health], checks: all };
}

function fallbackOf({ slipway: { fallback, denied } }: BootcHost): ObservedHost['fallback'] {
  const denial = denied.find(({ deployment }) => deployment === fallback?.deployment);
  if (fallback === null || denial?.manifestDigest == null) return null;
  const message = `the host went back by itself: ${fallback.reason}`.slice(0, MAX_MESSAGE);
  return { digest: denial.manifestDigest, failure: { code: 'HEALTH_CHECK_FAILED', message } };
}

async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return Math.floor((bavail * bsize) / SPACE_STEP_BYTES) * SPACE_STEP_BYTES;
  } catch {
    return undefined;
  }
}

async function factsOf(system: HostSystem, { status, slipway }: BootcHost): Promise<DeviceReport['facts']> {
  const version = status.booted?.image?.version;
  return {
    hostname: hostname(),
    kernel: release(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    ...(version == null ? {} : { imageVersion: version }),
    ...(await osFacts(system)),
    ...(slipway.problems.length === 0 ? {} : { problems: slipway.problems.join('; ').slice(0, MAX_MESSAGE) }),
  };
}

/** os-release(5), of which a person wants the name. */
async function osFacts({ etc }: HostSystem): Promise<DeviceReport['facts']> {
  try {
    const text = await readFile(join(etc, 'os-release'), 'utf8');
    const name = /^PRETTY_NAME="?(?<name>[^"\n]*)"?$/m.exec(text)?.groups?.['name'];
    return name === undefined ? {} : { os: name.slice(0, MAX_MESSAGE) };
  } catch {
    return {};
  }
}
