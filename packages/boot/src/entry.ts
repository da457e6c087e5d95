/**
 * Boot Loader Specification type 1 entries (UAPI.1): lines of `key value`, `#` comments, unknown keys kept.
 */
import { SlipwayError } from '@slipway/core';
import { kernelPaths } from './kernel-directory.ts';

/** One line of an entry. */
export interface BootEntryField {
  readonly key: string;
  readonly value: string;
}

/** An entry as its lines in order; keys such as `initrd` and `options` may repeat. */
export interface BootEntry {
  readonly fields: readonly BootEntryField[];
}

/** What an entry of one deployment says. */
export interface DeploymentEntry {
  /** The line of the boot menu. */
  readonly title: string;
  /** Directory with kernel and initramfs, from the root of the ESP: `/EFI/Linux/slipway-<id>`. */
  readonly kernelDirectory: string;
  /** The kernel command line. */
  readonly options: string;
}

/** The `sort-key` of every entry Slipway writes: the newest file name decides among them. */
export const SLIPWAY_SORT_KEY = 'slipway';

/** Larger files are not boot entries. */
export const BOOT_ENTRY_MAX_BYTES: number = 64 * 1024;

const KEY = /^[a-z0-9][a-z0-9_-]*$/i;

/**
 * Reads an entry. Lines without a value are ignored, as boot loaders do.
 *
 * @param source what to call the text in an error
 * @throws SlipwayError BOOT_ENTRY_INVALID when it is too large, holds NUL, or a key is not one
 */
export function parseBootEntry(text: string, source: string): BootEntry {
  if (text.length > BOOT_ENTRY_MAX_BYTES || text.includes('\0')) throw invalid(source, 'it is not a text');
  const fields: BootEntryField[] = [];
  for (const rawLine of text.split('\n')) {
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, key = '', value = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    if (!KEY.test(key)) throw invalid(source, `"${key.slice(0, 40)}" is not a key`);
    if (value !== '') fields.push({ key, value });
  }
  return { fields };
}

/**
 * Writes an entry, one line for each field.
 *
 * @throws SlipwayError BOOT_ENTRY_INVALID when a key or value cannot stand on one line
 */
export function formatBootEntry(entry: BootEntry): string {
  return entry.fields
    .map(({ key, value }) => {
      if (!KEY.test(key)) throw invalid('a new entry', `"${key}" is not a key`);
      if (value.trim() !== value || value === '' || /[\n\r\0]/.test(value)) {
        throw invalid('a new entry', `the value of ${key} does not fit a line`);
      }
      return `${key} ${value}\n`;
    })
    .join('');
}

/**
 * The entry of a deployment. It has no `version`: boot loaders would order by it before they look at the file name,
 * and an update may well carry a lower version than what it replaces.
 */
export function deploymentEntry({ title, kernelDirectory, options }: DeploymentEntry): BootEntry {
  const { linux, initrd } = kernelPaths(kernelDirectory);
  return {
    fields: [
      { key: 'title', value: title.replaceAll(/\s+/g, ' ').trim() },
      { key: 'sort-key', value: SLIPWAY_SORT_KEY },
      { key: 'linux', value: linux },
      { key: 'initrd', value: initrd },
      { key: 'options', value: options },
    ],
  };
}

/** The value of a key, the last where it repeats, as boot loaders read it. */
export function bootEntryValue(entry: BootEntry, key: string): string | undefined {
  return entry.fields.findLast((field) => field.key === key)?.value;
}

/** The kernel command line of an entry: every `options` line, joined. */
export function bootEntryOptions(entry: BootEntry): string {
  return entry.fields
    .filter((field) => field.key === 'options')
    .map((field) => field.value)
    .join(' ');
}

/** The same entry with another kernel command line, in the place of the first. */
export function withBootEntryOptions(entry: BootEntry, options: string): BootEntry {
  const field = { key: 'options', value: options };
  const first = entry.fields.findIndex(({ key }) => key === 'options');
  if (first === -1) return { fields: [...entry.fields, field] };
  return {
    fields: entry.fields.flatMap((old, index) => {
      if (old.key !== 'options') return [old];
      return index === first ? [field] : [];
    }),
  };
}

/** The paths an entry loads (`linux`, `initrd`, `efi`, `uki`), from the root of its partition, `/` first. */
export function bootEntryFiles(entry: BootEntry): readonly string[] {
  return entry.fields
    .filter(({ key }) => ['linux', 'initrd', 'efi', 'uki', 'devicetree'].includes(key))
    .map(({ value }) => `/${value.replaceAll('\\', '/').replace(/^\/+/, '')}`);
}

function invalid(source: string, why: string): SlipwayError {
  return new SlipwayError('BOOT_ENTRY_INVALID', `cannot read the boot entry ${source}: ${why}`);
}
