/**
 * Kernel arguments that belong to a program of this machine (`bootc loader-entries set-options-for-source`): each sets its own and
 * leaves those of others alone.
 *
 * bootc rewrites the entry that boots. Here the arguments are tried: they come as another entry of the running deployment, counted,
 * and the one before goes when a boot with them proved good. What does not come up with them comes up without them.
 */
import {
  BOOT_TRIES,
  type BootEntry,
  bootEntryValue,
  formatBootEntry,
  type KernelCommandLine,
  parseKernelCommandLine,
  removeBootEntry,
  type SourcedOptions,
  setOptionSource,
  slipwayEntryName,
  sourcedOptions,
  withSourcedOptions,
  writeBootEntry,
} from '@slipway/boot';
import { type OperationOptions, SlipwayError } from '@slipway/core';
import {
  type DeploymentBootEntry,
  type HostState,
  highestSequence,
  newestFirst,
  nextEntryOf,
  readHostState,
} from './deployment.ts';
import { during } from './failure.ts';
import { requireOwnBoot } from './foreign-entries.ts';
import { type StagedUpdate, writeStaged } from './staged.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction, type Transaction } from './transaction.ts';

/** Whose arguments, and which. */
export interface OptionSourceRequest {
  /** Letters, digits, `-` and `_`. */
  readonly source: string;
  /** Blanks separate; empty takes the source away. */
  readonly options: string;
}

/** What starts next. */
export interface OptionSourceResult {
  readonly kind: 'changed' | 'unchanged';
  readonly source: string;
  /** The whole kernel command line of the next boot. */
  readonly options: string;
}

/** How the entries of the running deployment change; each is one file that appears, goes or is replaced. */
export type EntryChange =
  | { readonly kind: 'none' }
  | { readonly kind: 'write'; readonly fileName: string; readonly entry: BootEntry }
  /** The arguments are those of an entry that proved good: what was to be tried instead goes. */
  | { readonly kind: 'remove'; readonly fileNames: readonly string[] };

/**
 * Sets the arguments of a source for the boots to come, of a staged update as well.
 *
 * Order: staged record, then the entry. A cut leaves the old arguments, or the new ones of the staged update alone; the call made again
 * does the rest.
 *
 * @throws SlipwayError KERNEL_ARGUMENT_INVALID, STATE_INVALID where the deployment has no entry, a unified one, or is not the next
 *   to boot; NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, NO_SPACE
 */
export async function setOptionsForSource(
  system: HostSystem,
  { source, options }: OptionSourceRequest,
  operationOptions: OperationOptions = {},
): Promise<OptionSourceResult> {
  const wanted = parseKernelCommandLine(options);
  // What cannot be is refused before anything is asked of the machine.
  setOptionSource({ options: '', sources: {} }, source, wanted);
  const command = 'slipway loader-entries';
  return await runTransaction(system, command, operationOptions, async (transaction) => {
    const state = await readHostState(system);
    requireOwnBoot(state);
    const current = requireEntry(state);
    const change = planEntryChange(state, setOptionSource(sourcedOptions(current.entry), source, wanted));
    const staged = withSource(state.staged, source, wanted);
    if (staged !== undefined) {
      await writeStaged(system.layout.staged, staged);
      system.checkpoint?.('staged-written');
    }
    await applyChange(system, change);
    const next = staged ?? state.staged ?? (await nextOptions(system, state.booted.id));
    const isChanged = staged !== undefined || change.kind !== 'none';
    if (isChanged) await noteChange(transaction, state, source, options);
    return { kind: isChanged ? 'changed' : 'unchanged', source, options: next.options };
  });
}

async function noteChange(
  { system, record, log }: Transaction,
  { booted }: HostState,
  source: string,
  options: string,
): Promise<void> {
  const reason = `${source}: ${options.trim() === '' ? 'none any more' : options.trim()}`;
  await record({ event: 'kernel-arguments-set', deployment: booted.id, reason });
  await publishStatus(system, log);
}

function requireEntry(state: HostState): DeploymentBootEntry {
  const current = nextEntryOf(state, state.booted.id);
  if (current === undefined) {
    throw impossible('the running deployment has no boot entry', 'slipway fsck --repair writes it');
  }
  if (bootEntryValue(current.entry, 'linux') === undefined) {
    throw impossible('they are part of its unified kernel image', 'set them where the image is built');
  }
  if (state.nextId !== state.booted.id) {
    throw impossible('another deployment is to boot next', 'take the rollback back first: slipway rollback');
  }
  return current;
}

function impossible(why: string, hint: string): SlipwayError {
  return new SlipwayError('STATE_INVALID', `cannot set kernel arguments: ${why}`, { hint });
}

/** The staged update with the change; undefined where it changes nothing. */
function withSource(
  staged: StagedUpdate | undefined,
  source: string,
  wanted: KernelCommandLine,
): StagedUpdate | undefined {
  if (staged === undefined) return undefined;
  const { optionSources = {}, ...rest } = staged;
  const before: SourcedOptions = { options: staged.options, sources: optionSources };
  const after = setOptionSource(before, source, wanted);
  if (JSON.stringify(after) === JSON.stringify(before)) return undefined;
  const sources = Object.keys(after.sources).length === 0 ? {} : { optionSources: after.sources };
  return { ...rest, options: after.options, ...sources };
}

/**
 * Decides how the running deployment gets other arguments.
 *
 * An entry that was never started is replaced: nobody knows it good. One that was stays, and another is put in front of it.
 */
export function planEntryChange(
  state: Pick<HostState, 'entries' | 'booted'>,
  wanted: SourcedOptions,
): EntryChange {
  const own = newestFirst(state.entries.filter(({ id }) => id === state.booted.id));
  const current = state.entries.find(({ id }) => id === state.booted.id);
  if (current === undefined) return { kind: 'none' };
  const entry = withSourcedOptions(current.entry, wanted);
  const text = formatBootEntry(entry);
  if (formatBootEntry(current.entry) === text) return { kind: 'none' };
  const good = own.find((one) => !isUntried(one) && formatBootEntry(one.entry) === text);
  const untried = own.filter((one) => one !== good && isUntried(one));
  if (good !== undefined && isAllInFront(state.entries, good, untried)) {
    return { kind: 'remove', fileNames: untried.map(({ fileName }) => fileName) };
  }
  if (isUntried(current) && own.length > 1) return { kind: 'write', fileName: current.fileName, entry };
  const fileName = slipwayEntryName(highestSequence(state.entries) + 1, BOOT_TRIES);
  return { kind: 'write', fileName, entry };
}

/** Whether nothing but these stands before an entry. */
function isAllInFront(
  entries: readonly DeploymentBootEntry[],
  good: DeploymentBootEntry,
  untried: readonly DeploymentBootEntry[],
): boolean {
  const inFront = entries.slice(0, entries.indexOf(good));
  return inFront.every((one) => untried.includes(one));
}

function isUntried({ name: { counter } }: DeploymentBootEntry): boolean {
  return counter !== undefined && counter.triesDone === 0 && counter.triesLeft > 0;
}

async function applyChange(system: HostSystem, change: EntryChange): Promise<void> {
  await during('write the boot entry', system.esp, async () => {
    if (change.kind === 'write') {
      await writeBootEntry(system.esp, change.fileName, change.entry);
      system.checkpoint?.('entry-written');
    }
    if (change.kind === 'remove') {
      for (const fileName of change.fileNames) {
        await removeBootEntry(system.esp, fileName);
        system.checkpoint?.('entry-removed');
      }
    }
  });
}

async function nextOptions(system: HostSystem, id: string): Promise<{ readonly options: string }> {
  const next = nextEntryOf(await readHostState(system), id);
  return { options: next === undefined ? '' : sourcedOptions(next.entry).options };
}
