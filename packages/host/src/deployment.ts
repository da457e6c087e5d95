/** Everything a host has, read without changing anything. */
import { readFile } from 'node:fs/promises';
import {
  bootEntryOptions,
  type EspEntry,
  entryDeployment,
  entrySequence,
  grubStartedEntry,
  readBootEntries,
} from '@slipway/boot';
import { errnoOf, isSlipwayError, messageOf, SlipwayError } from '@slipway/core';
import { type AdoptionRecord, readAdoption } from './adopt/record.ts';
import { bootedDeploymentId } from './booted-id.ts';
import { isSameCommandLine } from './command-line.ts';
import { type DeniedImage, readDenied } from './denied.ts';
import { listDirectory, pathExists } from './directory.ts';
import { isDeploymentId } from './layout.ts';
import { type Origin, parseOrigin } from './origin.ts';
import { readStaged, type StagedUpdate } from './staged.ts';
import type { HostSystem } from './system.ts';

/** A root that can be booted, or could. */
export interface Deployment {
  readonly id: string;
  /** Undefined when its origin file is missing or damaged. */
  readonly origin: Origin | undefined;
  /**
   * Its boot entry; undefined when nothing boots it. Where it has several: of the one that runs the one it was started with, else
   * the newest.
   */
  readonly entry: EspEntry | undefined;
  /** Kept until somebody unpins it. */
  readonly pinned: boolean;
}

/** A boot entry with the deployment it starts. */
export interface DeploymentBootEntry extends EspEntry {
  readonly id: string;
  /** Of its name; undefined for an entry others wrote. */
  readonly sequence: number | undefined;
}

/** Boot loaders that read entries, or have them read for them. */
export type BootLoader = 'systemd' | 'grub';

/** A Slipway host as it is. */
export interface HostState {
  readonly booted: Deployment;
  /** What a rollback would boot: of the others, the one the boot loader prefers. */
  readonly rollback: Deployment | undefined;
  /** Neither booted, nor rollback, nor only staged; those the boot loader prefers first. */
  readonly others: readonly Deployment[];
  readonly staged: StagedUpdate | undefined;
  /** What the staged update will boot; the rollback deployment, when that is what was staged again. */
  readonly stagedDeployment: Deployment | undefined;
  /** The deployment the boot loader starts next, if nobody intervenes. */
  readonly nextId: string | undefined;
  /** Entries of deployments in boot order; entries of other systems are not among them. */
  readonly entries: readonly DeploymentBootEntry[];
  /** Every entry, of other systems as well, in boot order. */
  readonly allEntries: readonly EspEntry[];
  /** Images that did not come up, in the order in which they failed. */
  readonly denied: readonly DeniedImage[];
  /** That this host was bootc's; undefined where it never was, or is. */
  readonly adopted: AdoptionRecord | undefined;
  /** What started this boot. */
  readonly bootLoader: BootLoader;
  /** What could not be read, for people. */
  readonly problems: readonly string[];
}

/**
 * The deployment this machine was booted from.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST
 */
export async function requireBootedId(system: HostSystem): Promise<string> {
  const id = bootedDeploymentId(await system.mountInfo());
  if (id !== undefined) return id;
  throw new SlipwayError(
    'NOT_A_SLIPWAY_HOST',
    'cannot manage this machine: it was not booted from a Slipway deployment',
    {
      hint: 'make a disk with slipway image, or run the command on a host that was booted from one',
    },
  );
}

/**
 * Reads deployments, boot entries and the staged update.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT
 */
export async function readHostState(system: HostSystem): Promise<HostState> {
  const bootedId = await requireBootedId(system);
  const { entries: allEntries, problems } = await readBootEntries(system.esp).catch(notRoot);
  const entries = allEntries.flatMap(deploymentEntryOf);
  const reader = new DeploymentReader(system, entries, {
    id: bootedId,
    commandLine: await system.commandLine(),
  });
  const ids = (await listDirectory(system.layout.deployments).catch(notRoot)).filter(isDeploymentId);
  const staged = await reader.readRecord(() => readStaged(system.layout.staged));
  const denied = (await reader.readRecord(() => readDenied(system.layout.denied))) ?? [];
  const adopted = await reader.readRecord(() => readAdoption(system.layout.adopted));
  const booted = await reader.read(bootedId);
  const rollbackId = entries.find(({ id }) => id !== bootedId && ids.includes(id))?.id;
  const otherIds = inBootOrder(
    ids.filter((id) => id !== bootedId && id !== rollbackId && id !== staged?.deployment),
    entries,
  );
  return {
    booted,
    rollback: rollbackId === undefined ? undefined : await reader.read(rollbackId),
    others: await Promise.all(otherIds.map((id) => reader.read(id))),
    staged,
    stagedDeployment: staged === undefined ? undefined : await reader.read(staged.deployment),
    nextId: entries[0]?.id,
    entries,
    allEntries,
    denied,
    adopted,
    bootLoader: await startedBy(system),
    problems: [...problems.map(({ fileName, problem }) => `${fileName}: ${problem}`), ...reader.problems],
  };
}

/** GRUB says so itself; what is started otherwise (systemd-boot, a kernel handed to a virtual machine) reads entries on its own. */
async function startedBy(system: HostSystem): Promise<BootLoader> {
  return grubStartedEntry(await system.commandLine()) === undefined ? 'systemd' : 'grub';
}

/** The highest sequence number among boot entries; 0 without any. */
export function highestSequence(entries: readonly DeploymentBootEntry[]): number {
  return Math.max(0, ...entries.map(({ sequence }) => sequence ?? 0));
}

/** Of a deployment's entries the one the boot loader would take: it differs from the one it runs with while others wait for a boot. */
export function nextEntryOf(
  { entries }: Pick<HostState, 'entries'>,
  deployment: string,
): DeploymentBootEntry | undefined {
  return entries.find(({ id }) => id === deployment);
}

function inBootOrder(ids: readonly string[], entries: readonly DeploymentBootEntry[]): readonly string[] {
  const order = [...new Set(entries.map(({ id }) => id))];
  const rank = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length);
  return ids.toSorted((a, b) => rank(a) - rank(b));
}

/** What runs, and what its kernel was given. */
interface RunningDeployment {
  readonly id: string;
  readonly commandLine: string;
}

/** Entries with the highest sequence number first. */
export function newestFirst(entries: readonly DeploymentBootEntry[]): readonly DeploymentBootEntry[] {
  return entries.toSorted((a, b) => (b.sequence ?? 0) - (a.sequence ?? 0));
}

/** Of several entries of what runs, which differ while other kernel arguments are tried, the one whose arguments it runs with. */
function startedEntry(
  own: readonly DeploymentBootEntry[],
  commandLine: string,
): DeploymentBootEntry | undefined {
  if (own.length < 2) return own[0];
  return own.find(({ entry }) => isSameCommandLine(bootEntryOptions(entry), commandLine)) ?? own[0];
}

class DeploymentReader {
  readonly problems: string[] = [];
  readonly #system: HostSystem;
  readonly #entries: readonly DeploymentBootEntry[];
  readonly #running: RunningDeployment;

  constructor(system: HostSystem, entries: readonly DeploymentBootEntry[], running: RunningDeployment) {
    this.#system = system;
    this.#entries = entries;
    this.#running = running;
  }

  async read(id: string): Promise<Deployment> {
    const own = newestFirst(this.#entries.filter((entry) => entry.id === id));
    const entry = id === this.#running.id ? startedEntry(own, this.#running.commandLine) : own[0];
    const pinned = await pathExists(this.#system.layout.deployment(id).pin);
    return { id, origin: await this.#readOrigin(id), entry, pinned };
  }

  /** A damaged record stages or denies nothing: it is reported, and whoever has something to record writes a new one. */
  async readRecord<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await read();
    } catch (thrown) {
      if (!isSlipwayError(thrown, 'STATE_INVALID')) throw thrown;
      this.problems.push(messageOf(thrown));
      return undefined;
    }
  }

  async #readOrigin(id: string): Promise<Origin | undefined> {
    const path = this.#system.layout.deployment(id).origin;
    try {
      return parseOrigin(await readFile(path, 'utf8'), path);
    } catch (thrown) {
      this.problems.push(errnoOf(thrown) === 'ENOENT' ? `${path} is missing` : messageOf(thrown));
      return undefined;
    }
  }
}

/** An entry without `composefs=`, or with one that is no digest, starts another system: left alone. */
function deploymentEntryOf(entry: EspEntry): readonly DeploymentBootEntry[] {
  const id = entryDeployment(entry.entry);
  return id === undefined ? [] : [{ ...entry, id, sequence: entrySequence(entry.name) }];
}

function notRoot(thrown: unknown): never {
  if (errnoOf(thrown) !== 'EACCES' && errnoOf(thrown) !== 'EPERM') throw thrown;
  throw new SlipwayError('NOT_ROOT', 'cannot read the deployments of this host: not root', {
    hint: 'run the command as root',
    cause: thrown,
  });
}
