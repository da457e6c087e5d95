/**
 * Kernel arguments by who wants them: keys `x-options-source-<name>` of an entry, beside the `options` they are part of. bootc's own
 * (`bootc loader-entries`), so that either tool finds what the other set. Boot loaders pass over keys they do not know.
 */
import { SlipwayError } from '@slipway/core';
import { type BootEntry, type BootEntryField, bootEntryOptions, withBootEntryOptions } from './entry.ts';
import {
  appendKernelArguments,
  formatKernelCommandLine,
  type KernelCommandLine,
  parseKernelCommandLine,
} from './kernel-command-line.ts';

/** Kernel arguments by the name of their source. */
export type OptionSources = Readonly<Record<string, string>>;

const PREFIX = 'x-options-source-';
const NAME = /^[A-Za-z0-9_-]{1,200}$/;

/** @throws SlipwayError KERNEL_ARGUMENT_INVALID when a text cannot name a source */
export function checkSourceName(name: string): void {
  if (NAME.test(name)) return;
  throw new SlipwayError('KERNEL_ARGUMENT_INVALID', `cannot use ${JSON.stringify(name)} as a source`, {
    hint: 'letters, digits, - and _ make a name',
  });
}

/** Every source of an entry with its arguments. */
export function entryOptionSources(entry: BootEntry): OptionSources {
  const found = entry.fields.flatMap(({ key, value }) => {
    const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : '';
    return NAME.test(name) ? [[name, value] as const] : [];
  });
  return Object.fromEntries(found);
}

/** The fields that say so in an entry, in the order of their names. */
export function optionSourceFields(sources: OptionSources): readonly BootEntryField[] {
  return Object.entries(sources)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ key: `${PREFIX}${name}`, value }));
}

/** A kernel command line and who wants what of it. */
export interface SourcedOptions {
  readonly options: string;
  readonly sources: OptionSources;
}

/**
 * Gives a source other arguments: those it had go, unless another source wants them as well; the new ones come to the end, where they
 * are not there already. What no source owns stays as it is.
 *
 * @param wanted nothing takes the source away
 * @throws SlipwayError KERNEL_ARGUMENT_INVALID when the name is none, or an argument is one that belongs to the deployment
 */
export function setOptionSource(
  { options, sources }: SourcedOptions,
  name: string,
  wanted: KernelCommandLine,
): SourcedOptions {
  checkSourceName(name);
  checkWanted(wanted);
  const { [name]: before, ...others } = sources;
  const elsewhere = textsOf(Object.values(others).flatMap(parseKernelCommandLine));
  const going = textsOf(parseKernelCommandLine(before ?? ''));
  const staying = parseKernelCommandLine(options).filter(
    ({ text }) => !going.has(text) || elsewhere.has(text),
  );
  const present = textsOf(staying);
  const coming = wanted.filter(({ text }) => !present.has(text));
  return {
    options: formatKernelCommandLine(appendKernelArguments(staying, coming)),
    sources: wanted.length === 0 ? others : { ...others, [name]: formatKernelCommandLine(wanted) },
  };
}

/** An entry's command line with its sources. */
export function sourcedOptions(entry: BootEntry): SourcedOptions {
  return { options: bootEntryOptions(entry), sources: entryOptionSources(entry) };
}

/** The same entry with others. */
export function withSourcedOptions(entry: BootEntry, { options, sources }: SourcedOptions): BootEntry {
  const { fields } = withBootEntryOptions(entry, options);
  return { fields: [...fields.filter(({ key }) => !key.startsWith(PREFIX)), ...optionSourceFields(sources)] };
}

function checkWanted(wanted: KernelCommandLine): void {
  const owned = wanted.find(({ key, text }) => key === 'composefs' || text === '--');
  if (owned === undefined) return;
  throw new SlipwayError(
    'KERNEL_ARGUMENT_INVALID',
    `cannot set the kernel argument ${owned.text}: it is the deployment's own`,
  );
}

function textsOf(line: KernelCommandLine): ReadonlySet<string> {
  return new Set(line.map(({ text }) => text));
}
