import { type Labels, matches } from '../selector/selector.ts';
import { hasEdge, type ReleaseGraph } from './graph.ts';
import { type Release, type Risk, targetDigest } from './release.ts';

/** Where a device stands, as far as paths go. */
export interface Traveller {
  /** What it says it booted; undefined before it ever said. */
  readonly bootedDigest: string | undefined;
  readonly architecture: string;
  /** Labels and facts: risks are evaluated on these. */
  readonly inventory: Labels;
}

/** One image on the way. */
export interface Hop {
  readonly version: string;
  readonly digest: string;
}

/** The way from the booted digest to the target; every reason why there is none has its own kind. */
export type Path =
  | { readonly kind: 'arrived' }
  | { readonly kind: 'path'; readonly hops: readonly [Hop, ...Hop[]] }
  /** The device never said what it booted. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'unknown-digest'; readonly digest: string }
  | { readonly kind: 'unknown-target'; readonly version: string }
  | { readonly kind: 'newer'; readonly version: string }
  | { readonly kind: 'dead-end'; readonly version: string; readonly reason: string }
  | { readonly kind: 'no-image'; readonly version: string; readonly architecture: string }
  | { readonly kind: 'denied'; readonly version: string; readonly digest: string }
  | { readonly kind: 'risk'; readonly risks: readonly Risk[] };

/** What a planner is asked besides the device. */
export interface PathOptions {
  /** Never sent anywhere near: images that failed. */
  readonly denied?: ReadonlySet<string>;
  /** Whether devices on newer releases are sent back, in one hop. Barriers are for the way forward only. */
  readonly allowDowngrade?: boolean;
}

/**
 * Finds the way with the fewest hops from what a device booted to a version; of equally short ways the one over the newest releases.
 * Never undefined, never empty: a device that cannot be sent is told why.
 */
export function planPath(
  graph: ReleaseGraph,
  target: string,
  device: Traveller,
  options: PathOptions = {},
): Path {
  const to = graph.byVersion.get(target);
  const goal = to === undefined ? undefined : graph.releases[to];
  if (to === undefined || goal === undefined) return { kind: 'unknown-target', version: target };
  if (device.bootedDigest === undefined) return { kind: 'silent' };
  const from = graph.byDigest.get(device.bootedDigest);
  const start = from === undefined ? undefined : graph.releases[from];
  if (from === undefined || start === undefined)
    return { kind: 'unknown-digest', digest: device.bootedDigest };
  if (from === to) return { kind: 'arrived' };
  const search = new PathSearch(graph, device, options.denied ?? new Set());
  if (from > to)
    return options.allowDowngrade === true ? search.back(goal) : { kind: 'newer', version: start.version };
  if (start.deadEnd !== undefined)
    return { kind: 'dead-end', version: start.version, reason: start.deadEnd.reason };
  return search.forward(from, to);
}

/** One search; what stood in the way is kept, so that a way not found is explained. */
class PathSearch {
  readonly #graph: ReleaseGraph;
  readonly #device: Traveller;
  readonly #denied: ReadonlySet<string>;

  constructor(graph: ReleaseGraph, device: Traveller, denied: ReadonlySet<string>) {
    this.#graph = graph;
    this.#device = device;
    this.#denied = denied;
  }

  back(goal: Release): Path {
    const obstacle = this.#imageObstacle(goal);
    return typeof obstacle === 'string'
      ? { kind: 'path', hops: [{ version: goal.version, digest: obstacle }] }
      : obstacle;
  }

  /** Breadth first from the target backwards, newest first: the first way found is the shortest over the newest. */
  forward(from: number, to: number): Path {
    const next = new Map<number, number>([[to, to]]);
    let firstObstacle: Path | undefined;
    let ring: readonly number[] = [to];
    while (ring.length > 0) {
      const outer: number[] = [];
      for (const place of ring) {
        const release = this.#graph.releases[place];
        const image = release === undefined ? undefined : this.#imageObstacle(release);
        if (typeof image === 'object') firstObstacle ??= image;
        if (typeof image !== 'string') continue;
        for (let before = place - 1; before >= from; before -= 1) {
          if (next.has(before) || !hasEdge(this.#graph, before, place)) continue;
          const risks = this.#risksOf(before, place);
          if (risks.length > 0) {
            firstObstacle ??= { kind: 'risk', risks };
            continue;
          }
          next.set(before, place);
          if (before === from) return this.#pathAlong(next, from, to);
          outer.push(before);
        }
      }
      ring = outer.sort((a, b) => b - a);
    }
    return firstObstacle ?? this.#cutOff(from, to);
  }

  /** Without an obstacle on the way back from the target, the way ends at dead ends: the nearest is named. */
  #cutOff(from: number, to: number): Path {
    const between = this.#graph.releases.slice(from, to).reverse();
    const { version = '', deadEnd } = between.find((release) => release.deadEnd !== undefined) ?? {};
    return { kind: 'dead-end', version, reason: deadEnd?.reason ?? 'nothing leads on' };
  }

  #pathAlong(next: ReadonlyMap<number, number>, from: number, to: number): Path {
    const hops: Hop[] = [];
    for (let place = from; place !== to; ) {
      place = next.get(place) ?? to;
      const release = this.#graph.releases[place];
      const digest = release === undefined ? undefined : targetDigest(release, this.#device.architecture);
      if (release !== undefined && digest !== undefined) hops.push({ version: release.version, digest });
    }
    return { kind: 'path', hops: hops as [Hop, ...Hop[]] };
  }

  /** The digest to send the device to, or why it cannot be sent to that release. */
  #imageObstacle(release: Release): string | Path {
    const { version } = release;
    const digest = targetDigest(release, this.#device.architecture);
    if (digest === undefined) return { kind: 'no-image', version, architecture: this.#device.architecture };
    const denied = release.digests.find((one) => this.#denied.has(one.digest) && meant(one, this.#device));
    return denied === undefined ? digest : { kind: 'denied', version, digest: denied.digest };
  }

  #risksOf(from: number, to: number): readonly Risk[] {
    const version = this.#graph.releases[from]?.version ?? '';
    return (this.#graph.releases[to]?.risks ?? []).filter(
      (risk) => (risk.from?.includes(version) ?? true) && matches(risk.affects, this.#device.inventory),
    );
  }
}

/** A digest that failed on another architecture says nothing about this one. */
function meant(one: { readonly architecture?: string }, device: Traveller): boolean {
  return one.architecture === undefined || one.architecture === device.architecture;
}
