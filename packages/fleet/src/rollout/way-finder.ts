import type { ReleaseGraph } from '../release/graph.ts';
import { type Path, planPath } from '../release/path.ts';
import type { Labels } from '../selector/selector.ts';
import type { Explanation } from './types/decision.ts';
import type { DeviceObservation } from './types/device.ts';

/** Finds the ways of many devices. Devices that are alike, as far as ways go, share one search. */
export class WayFinder {
  readonly #graph: ReleaseGraph;
  readonly #target: string;
  readonly #denied: readonly string[];
  readonly #allowDowngrade: boolean;
  readonly #known = new Map<string, Map<string, Map<string, Path>>>();
  /** What a device has under these labels and facts decides which risks hit it. */
  readonly #riskKeys: readonly string[];

  constructor(graph: ReleaseGraph, target: string, denied: readonly string[], allowDowngrade: boolean) {
    this.#graph = graph;
    this.#target = target;
    this.#denied = denied;
    this.#allowDowngrade = allowDowngrade;
    const risks = graph.releases.flatMap((release) => release.risks ?? []);
    const keys = risks.flatMap(({ affects }) => affects.requirements.map(({ key }) => key));
    this.#riskKeys = [...new Set(keys)].sort();
  }

  of(device: DeviceObservation): Path {
    const { bootedDigest, architecture, deniedDigests } = device;
    const alike = this.#alike(bootedDigest ?? '', architecture);
    const key = this.#riskKeys.length + deniedDigests.length === 0 ? '' : this.#differences(device);
    const known = alike.get(key);
    if (known !== undefined) return known;
    const path = planPath(
      this.#graph,
      this.#target,
      { bootedDigest, architecture, inventory: inventoryOf(device) },
      { denied: new Set([...this.#denied, ...deniedDigests]), allowDowngrade: this.#allowDowngrade },
    );
    alike.set(key, path);
    return path;
  }

  /** Ways of devices with the same image: maps in maps, since putting long keys together costs more than all else. */
  #alike(bootedDigest: string, architecture: string): Map<string, Path> {
    let byArchitecture = this.#known.get(bootedDigest);
    if (byArchitecture === undefined) this.#known.set(bootedDigest, (byArchitecture = new Map()));
    let alike = byArchitecture.get(architecture);
    if (alike === undefined) byArchitecture.set(architecture, (alike = new Map()));
    return alike;
  }

  /** Equal for devices of the same image that have the same way. */
  #differences(device: DeviceObservation): string {
    const denied = device.deniedDigests.filter((digest) => this.#graph.byDigest.has(digest)).toSorted();
    // No value holds a NUL, and absent is not empty.
    return [...denied, ...this.#riskKeys.map((key) => valueOf(device, key) ?? '\u0001')].join('\0');
  }
}

function valueOf({ labels, facts }: DeviceObservation, key: string): string | undefined {
  if (Object.hasOwn(labels, key)) return labels[key];
  return Object.hasOwn(facts, key) ? facts[key] : undefined;
}

/** What people say of a device wins over what it says of itself. */
export function inventoryOf({ labels, facts }: DeviceObservation): Labels {
  return { ...facts, ...labels };
}

/** Why a device without a way is not sent, or undefined for one that has a way. */
export function noWay(path: Path): Explanation | undefined {
  const { kind } = path;
  if (kind === 'path') return undefined;
  if (kind === 'arrived') return { code: 'up-to-date' };
  if (kind === 'silent') return { code: 'no-digest' };
  if (kind === 'unknown-digest' || kind === 'denied') return { code: kind, digest: path.digest };
  if (kind === 'unknown-target' || kind === 'newer') return { code: kind, version: path.version };
  if (kind === 'dead-end') return { code: kind, version: path.version, reason: path.reason };
  if (kind === 'risk') return { code: kind, risks: path.risks };
  return { code: kind, version: path.version, architecture: path.architecture };
}
