/** The status of a host in the words of bootc (`org.containers.bootc/v1`, docs/src/host-v1.schema.json there). */
import { bootEntryOptions, composefsArgument, parseKernelCommandLine } from '@slipway/boot';
import { type DeploymentRole, listDeployments } from './choose-deployment.ts';
import type { DeniedImage } from './denied.ts';
import type { BootLoader, Deployment, HostState } from './deployment.ts';
import type { EtcConflict } from './etc-merge/plan.ts';
import { reportConflicts } from './etc-merge/report.ts';
import type { HealthReport } from './health/report.ts';
import type { FallbackStory } from './health/story.ts';
import type { HistoryRecord } from './history.ts';
import type { ImageSpec } from './image-spec.ts';
import type { EtcPolicy } from './staged.ts';
import type { TransientPlace } from './transient.ts';
import type { DeploymentTrust } from './trust.ts';
import type { UsrOverlay } from './usr-overlay.ts';

export interface BootcImageStatus {
  readonly image: ImageSpec;
  readonly version: string | null;
  readonly timestamp: string | null;
  readonly imageDigest: string;
  readonly architecture: string;
}

export interface BootcBootEntry {
  readonly image: BootcImageStatus | null;
  readonly cachedUpdate: BootcImageStatus | null;
  readonly incompatible: boolean;
  readonly pinned: boolean;
  readonly softRebootCapable: boolean;
  readonly downloadOnly: boolean;
  readonly store: null;
  readonly ostree: null;
  readonly composefs: {
    readonly verity: string;
    readonly bootType: 'Bls' | 'Uki';
    readonly bootloader: BootLoader;
    readonly bootDigest: string | null;
    readonly missingVerityAllowed: boolean;
  };
}

/** What Slipway says beyond bootc. */
export interface SlipwayStatus {
  /** The deployment the boot loader starts next, a staged one included. */
  readonly nextBoot: string | null;
  /** Boot attempts of the booted deployment; null once it was found good. */
  readonly bootCounter: { readonly triesLeft: number; readonly triesDone: number } | null;
  /** `good` once a boot of it completed, `unconfirmed` until then. */
  readonly health: /** Its checks failed in this boot. */ 'bad' | 'good' | 'unconfirmed' | 'unknown';
  /** What the health checks of this boot found; null when none ran. */
  readonly checks: HealthReport | null;
  /** The host went back by itself, and nothing newer was put in place since. */
  readonly fallback: FallbackStory | null;
  readonly staged: {
    readonly deployment: string;
    readonly stagedAt: string;
    readonly etcPolicy: EtcPolicy;
    readonly etcConflicts: readonly EtcConflict[];
    /** Why the last shutdown did not finish it. */
    readonly failure: { readonly code: string; readonly message: string; readonly at: string } | null;
  } | null;
  /** Every deployment once, in the order in which commands number them. */
  readonly deployments: readonly {
    readonly index: number;
    readonly deployment: string;
    readonly role: DeploymentRole;
    /** Kept until it is unpinned. */
    readonly pinned: boolean;
    readonly version: string | null;
    /** Whether a boot entry starts it: without one nothing can go back to it. */
    readonly bootable: boolean;
  }[];
  /** Images that did not come up: upgrades leave them alone until they are allowed. */
  readonly denied: readonly {
    readonly manifestDigest: string | null;
    readonly deployment: string;
    readonly image: string | null;
    readonly version: string | null;
    readonly since: string;
    readonly reason: string;
  }[];
  /**
   * Boot partitions of the other disks the root lies on, and why one is not up to date; empty when all other disks are gone, null on a host that
   * has one.
   */
  readonly bootCopies: readonly { readonly device: string; readonly reason: string | null }[] | null;
  /** `queued`: the next boot brings `/etc` back to the image's and empties `/var`. */
  readonly factoryReset: 'queued' | null;
  /** What of the running system is in memory, and gone with the next boot. */
  readonly transient: readonly TransientPlace[];
  /** What the signature policy said of each deployment's image, by deployment; one nobody judged is not there. */
  readonly trust: Readonly<Record<string, DeploymentTrust>>;
  /** The last records, oldest first. */
  readonly history: readonly HistoryRecord[];
  /** What could not be read. */
  readonly problems: readonly string[];
  /** Set when this was written down earlier, for readers who are not root; ISO time. */
  readonly asOf: string | null;
}

/** The document `status --json` prints. */
export interface BootcHost {
  readonly apiVersion: 'org.containers.bootc/v1';
  readonly kind: 'BootcHost';
  readonly metadata: { readonly name: 'host' };
  readonly spec: { readonly image: ImageSpec | null; readonly bootOrder: 'default' | 'rollback' };
  readonly status: {
    readonly staged: BootcBootEntry | null;
    readonly booted: BootcBootEntry | null;
    readonly rollback: BootcBootEntry | null;
    readonly otherDeployments: readonly BootcBootEntry[];
    readonly rollbackQueued: boolean;
    readonly type: 'bootcHost' | null;
    readonly usrOverlay: UsrOverlay | null;
  };
  readonly slipway: SlipwayStatus;
}

const HEAD = {
  apiVersion: 'org.containers.bootc/v1',
  kind: 'BootcHost',
  metadata: { name: 'host' },
} as const;
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** The document of a machine that was not booted from a deployment. */
export function statusOfNoHost(): BootcHost {
  return {
    ...HEAD,
    spec: { image: null, bootOrder: 'default' },
    status: {
      staged: null,
      booted: null,
      rollback: null,
      otherDeployments: [],
      rollbackQueued: false,
      type: null,
      usrOverlay: null,
    },
    slipway: {
      nextBoot: null,
      bootCounter: null,
      health: 'unknown',
      checks: null,
      fallback: null,
      staged: null,
      deployments: [],
      denied: [],
      bootCopies: null,
      factoryReset: null,
      transient: [],
      trust: {},
      history: [],
      problems: [],
      asOf: null,
    },
  };
}

/** What the running system says of itself, beside its deployments. */
export interface RunningFacts {
  /** As Go writes it. */
  readonly architecture: string;
  readonly usrOverlay: UsrOverlay | null;
  readonly transient: readonly TransientPlace[];
  /** Deployments that start without the kernel being started anew. */
  readonly softRebootTargets: ReadonlySet<string>;
}

/** The document of a host. */
export function statusOfHost(
  state: HostState,
  history: readonly HistoryRecord[],
  running: RunningFacts,
): BootcHost {
  const rollbackQueued = state.staged === undefined && isRollbackQueued(state);
  const { usrOverlay } = running;
  const entryOf = (deployment: Deployment | undefined): BootcBootEntry | null =>
    deployment === undefined ? null : bootEntryOf(deployment, running, state.bootLoader);
  return {
    ...HEAD,
    spec: { image: followedImage(state), bootOrder: rollbackQueued ? 'rollback' : 'default' },
    status: {
      staged: stagedEntry(state, entryOf(state.stagedDeployment)),
      booted: entryOf(state.booted),
      rollback: entryOf(state.rollback),
      otherDeployments: state.others.map((each) => bootEntryOf(each, running, state.bootLoader)),
      rollbackQueued,
      type: 'bootcHost',
      usrOverlay,
    },
    slipway: slipwayStatus(state, history, running),
  };
}

function stagedEntry({ staged }: HostState, entry: BootcBootEntry | null): BootcBootEntry | null {
  return entry === null ? null : { ...entry, downloadOnly: staged?.downloadOnly === true };
}

/** The image the next upgrade asks for: the staged one's, else the booted one's. */
export function followedImage({ booted, stagedDeployment }: HostState): ImageSpec | null {
  return stagedDeployment?.origin?.image ?? booted.origin?.image ?? null;
}

function isRollbackQueued({ nextId, booted }: HostState): boolean {
  return nextId !== undefined && nextId !== booted.id;
}

function bootEntryOf(
  { id, origin, entry, pinned }: Deployment,
  { architecture, softRebootTargets }: RunningFacts,
  bootloader: BootLoader,
): BootcBootEntry {
  return {
    image: imageStatusOf(origin, architecture),
    cachedUpdate: null,
    incompatible: false,
    pinned,
    softRebootCapable: softRebootTargets.has(id),
    downloadOnly: false,
    store: null,
    ostree: null,
    composefs: {
      verity: id,
      bootType: origin?.bootType === 'uki' ? 'Uki' : 'Bls',
      bootloader,
      bootDigest: origin?.bootDigest ?? null,
      missingVerityAllowed: entry !== undefined && allowsMissingVerity(bootEntryOptions(entry.entry)),
    },
  };
}

function imageStatusOf(origin: Deployment['origin'], architecture: string): BootcImageStatus | null {
  if (origin?.manifestDigest === undefined) return null;
  const { timestamp } = origin;
  return {
    image: origin.image,
    version: origin.version ?? null,
    timestamp: timestamp !== undefined && DATE_TIME.test(timestamp) ? timestamp : null,
    imageDigest: origin.manifestDigest,
    architecture: origin.architecture ?? architecture,
  };
}

function allowsMissingVerity(options: string): boolean {
  return composefsArgument(parseKernelCommandLine(options))?.verityRequired === false;
}

function slipwayStatus(
  state: HostState,
  history: readonly HistoryRecord[],
  { transient }: RunningFacts,
): SlipwayStatus {
  const { staged, booted } = state;
  const counter = booted.entry?.name.counter;
  return {
    nextBoot: (staged?.downloadOnly === true ? undefined : staged?.deployment) ?? state.nextId ?? null,
    bootCounter: counter ?? null,
    health: healthOf(booted),
    checks: null,
    fallback: null,
    staged:
      staged === undefined
        ? null
        : {
            deployment: staged.deployment,
            stagedAt: staged.stagedAt,
            etcPolicy: staged.etcPolicy,
            etcConflicts: reportConflicts(staged.etcConflicts),
            failure: staged.failure ?? null,
          },
    deployments: listDeployments(state).map(({ index, role, deployment: { id, origin, entry, pinned } }) => ({
      index,
      deployment: id,
      role,
      pinned,
      version: origin?.version ?? null,
      bootable: entry !== undefined,
    })),
    denied: state.denied.map(denialStatus),
    bootCopies: null,
    factoryReset: null,
    transient,
    trust: trustOf(state),
    history,
    problems: state.problems,
    asOf: null,
  };
}

function denialStatus(denied: DeniedImage): SlipwayStatus['denied'][number] {
  const { manifestDigest = null, image = null, version = null, ...rest } = denied;
  return { manifestDigest, image, version, ...rest };
}

function trustOf({ booted, rollback, stagedDeployment, others }: HostState): SlipwayStatus['trust'] {
  const all = [booted, rollback, stagedDeployment, ...others].flatMap((deployment) => deployment ?? []);
  return Object.fromEntries(
    all.flatMap(({ id, origin }) => (origin?.trust === undefined ? [] : [[id, origin.trust] as const])),
  );
}

function healthOf({ entry }: Deployment): SlipwayStatus['health'] {
  if (entry === undefined) return 'unknown';
  return entry.name.counter === undefined ? 'good' : 'unconfirmed';
}
