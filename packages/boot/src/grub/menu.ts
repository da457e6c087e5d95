/** GRUB's menu, written out from boot entries: Debian's GRUB does not read those itself. */
import { type BootEntry, bootEntryOptions, bootEntryValue } from '../entry.ts';
import type { BootCounter } from '../entry-name.ts';
import { compareBootEntries, type OrderedEntry } from '../entry-order.ts';
import { parseKernelCommandLine } from '../kernel-command-line.ts';
import { counterVariable, formatCounter } from './environment.ts';

/** Kernel arguments by which GRUB says what it started, as systemd-boot does in variables of the firmware. */
export const GRUB_ARGUMENTS = {
  /** The entry, its counter after this attempt: `slipway-3+2-1.conf`. */
  entry: 'slipway.entry',
  /** UUID of the partition GRUB took it from. */
  partition: 'slipway.boot',
} as const;

/** Modules the two configuration files need. */
export const GRUB_MODULES: readonly string[] = [
  'biosdisk',
  'part_gpt',
  'part_msdos',
  'fat',
  'normal',
  'configfile',
  'loadenv',
  'test',
  'echo',
  'linux',
  'probe',
  'serial',
  'terminal',
  'reboot',
  'halt',
];

/** More attempts than this are not counted down one by one in a configuration file. */
const MOST_TRIES = 99;
/** The last line of a menu; one without it was cut short. */
const END = 'fi\n# End of the menu.\n';

/**
 * `grub.cfg`, which never changes once a disk is made, so that no power cut damages it: it reads the menu, and the one before where
 * that is not whole. GRUB reads a command to its end before it runs it, and a menu is one command.
 */
export function grubConfiguration({ timeoutSeconds }: { readonly timeoutSeconds: number }): string {
  return `# Written by Slipway. The menu is entries.cfg, written anew whenever loader/entries changes.
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
set timeout=${timeoutSeconds}
set gfxpayload=text
probe --set=slipway_boot --part-uuid $root
set slipway_menu=
source $prefix/entries.cfg
if [ "$slipway_menu" != whole ]; then
  source $prefix/entries.old.cfg
fi
`;
}

/**
 * The menu over these entries, in the order systemd-boot has. The first that has attempts left is started; when it cannot be
 * loaded, the next. An entry with a counter counts down before it is loaded.
 *
 * Entries without a kernel (EFI programs) are left out: no BIOS starts them.
 */
export function grubMenu(entries: readonly OrderedEntry[]): string {
  const items = entries
    .filter(({ entry }) => bootEntryValue(entry, 'linux') !== undefined && hasParseableOptions(entry))
    // Which ones have attempts left, GRUB sees when it starts.
    .toSorted((a, b) => compareBootEntries(withTries(a), withTries(b)));
  const lines = [
    ...items.flatMap(loadCounter),
    'set default=',
    'set fallback=',
    ...items.flatMap(chooseEntry),
    ...(items.length === 0 ? [] : ['if [ -z "$default" ]; then set default=0; fi']),
    ...items.flatMap(menuEntry),
    'set slipway_menu=whole',
  ];
  return `# Written by Slipway from loader/entries; changes are lost.\nif [ "$slipway_menu" != whole ]; then\n${lines.join('\n')}\n${END}`;
}

/** Whether a file is a menu to its last line. */
export function isWholeMenu(text: string): boolean {
  return text.endsWith(END);
}

/** Bases of the names of the entries in a menu. */
export function menuEntryIds(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^menuentry .* --id (?<id>[A-Za-z0-9._-]+) \{$/gm)].map(
      ({ groups }) => groups?.['id'] ?? '',
    ),
  );
}

function loadCounter({ name }: OrderedEntry): readonly string[] {
  const counter = counted(name.counter);
  if (counter === undefined) return [];
  const variable = counterVariable(name.base);
  return [
    `set ${variable}=`,
    `load_env ${variable}`,
    `if [ -z "$${variable}" ]; then set ${variable}=${formatCounter(counter)}; fi`,
  ];
}

function chooseEntry({ name }: OrderedEntry, index: number): readonly string[] {
  const choose = `if [ -z "$default" ]; then set default=${index}; else set fallback="$fallback ${index}"; fi`;
  const counter = counted(name.counter);
  if (counter === undefined) return [choose];
  const spent = formatCounter({ triesLeft: 0, triesDone: counter.triesLeft + counter.triesDone });
  return [`if [ "$${counterVariable(name.base)}" != ${spent} ]; then`, choose, 'fi'];
}

function menuEntry({ name, entry }: OrderedEntry): readonly string[] {
  const words = parseKernelCommandLine(bootEntryOptions(entry)).map(({ text }) =>
    quote(text.replaceAll('"', '')),
  );
  // What follows belongs to the first process.
  const end = words.includes("'--'") ? words.indexOf("'--'") : words.length;
  const counter = counted(name.counter);
  const suffix = counter === undefined ? '' : `+$${counterVariable(name.base)}`;
  const own = [
    `${GRUB_ARGUMENTS.entry}=${name.base}${suffix}.conf`,
    `${GRUB_ARGUMENTS.partition}=$slipway_boot`,
  ];
  const initrds = entry.fields.filter(({ key }) => key === 'initrd').map(({ value }) => quote(pathOf(value)));
  const kernel = quote(pathOf(bootEntryValue(entry, 'linux') ?? ''));
  const title = bootEntryValue(entry, 'title') ?? name.base;
  return [
    `menuentry ${quote(title)} --id ${name.base} {`,
    ...(counter === undefined ? [] : countDown(counterVariable(name.base), counter)),
    `linux ${[kernel, ...words.slice(0, end), ...own, ...words.slice(end)].join(' ')}`,
    ...(initrds.length === 0 ? [] : [`initrd ${initrds.join(' ')}`]),
    '}',
  ];
}

/** GRUB cannot subtract: every step is written out. */
function countDown(variable: string, counter: BootCounter): readonly string[] {
  const steps = Array.from({ length: counter.triesLeft }, (_, step) => {
    const at = (steps: number): string =>
      formatCounter({ triesLeft: counter.triesLeft - steps, triesDone: counter.triesDone + steps });
    return `${step === 0 ? 'if' : 'elif'} [ "$${variable}" = ${at(step)} ]; then set ${variable}=${at(step + 1)}`;
  });
  return steps.length === 0 ? [] : [...steps, 'fi', `save_env ${variable}`];
}

function counted(counter: BootCounter | undefined): BootCounter | undefined {
  if (counter === undefined) return undefined;
  return { triesLeft: Math.min(counter.triesLeft, MOST_TRIES), triesDone: counter.triesDone };
}

function withTries({ name, entry }: OrderedEntry): OrderedEntry {
  const { counter } = name;
  if (counter === undefined || counter.triesLeft > 0) return { name, entry };
  return { name: { ...name, counter: { ...counter, triesLeft: 1 } }, entry };
}

function hasParseableOptions(entry: BootEntry): boolean {
  try {
    parseKernelCommandLine(bootEntryOptions(entry));
    return true;
  } catch {
    return false;
  }
}

function pathOf(value: string): string {
  return `/${value.replaceAll('\\', '/').replace(/^\/+/, '')}`;
}

/** As in a shell: nothing between single quotes means anything. */
function quote(text: string): string {
  return `'${text.replaceAll(/\p{Cc}/gu, ' ').replaceAll("'", `'\\''`)}'`;
}
