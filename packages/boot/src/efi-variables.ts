/**
 * Variables of the Boot Loader Interface, read and set through efivarfs. The firmware fills them with anything, so what
 * does not parse counts as absent.
 */
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, run, SlipwayError } from '@slipway/core';

/** The variables Slipway reads. */
export type LoaderVariable =
  | 'LoaderDevicePartUUID'
  | 'LoaderEntryDefault'
  | 'LoaderEntryOneShot'
  | 'LoaderEntrySelected'
  | 'LoaderBootCountPath'
  | 'LoaderInfo';

/** Those an operating system may set. */
export type SettableLoaderVariable = 'LoaderEntryDefault' | 'LoaderEntryOneShot';

/** Where Linux shows the variables. */
export const EFIVARS_DIRECTORY = '/sys/firmware/efi/efivars';

const VENDOR = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
/** Non-volatile, seen by boot services and at run time. */
const ATTRIBUTES = 7;
const MAX_BYTES = 4096;

/** The text of a variable; undefined when it is not set, does not parse, or the machine has no UEFI. */
export async function readLoaderVariable(
  name: LoaderVariable,
  directory: string = EFIVARS_DIRECTORY,
): Promise<string | undefined> {
  try {
    return decodeLoaderVariable(await readFile(pathOf(name, directory)));
  } catch (thrown) {
    if (['ENOENT', 'EIO', 'EACCES', 'EPERM', 'EINVAL'].includes(errnoOf(thrown) ?? '')) return undefined;
    throw thrown;
  }
}

/**
 * Sets a variable, or removes it when `value` is undefined. One write, which firmware keeps whole or not at all.
 *
 * @throws SlipwayError IO_FAILED when the firmware refuses
 */
export async function setLoaderVariable(
  name: SettableLoaderVariable,
  value: string | undefined,
  directory: string = EFIVARS_DIRECTORY,
): Promise<void> {
  const path = pathOf(name, directory);
  try {
    await clearImmutable(path);
    if (value === undefined) await unlink(path);
    else await writeFile(path, encodeLoaderVariable(value));
  } catch (thrown) {
    if (value === undefined && errnoOf(thrown) === 'ENOENT') return;
    throw new SlipwayError('IO_FAILED', `cannot set the firmware variable ${name}`, { cause: thrown });
  }
}

/** Content of an efivarfs file as text: four bytes of attributes, then UTF-16 up to a NUL. */
export function decodeLoaderVariable(bytes: Buffer): string | undefined {
  if (bytes.length < 6 || bytes.length > MAX_BYTES || bytes.length % 2 !== 0) return undefined;
  const text = bytes.toString('utf16le', 4);
  const end = text.indexOf('\0');
  const value = end === -1 ? text : text.slice(0, end);
  return value === '' || /\p{Cc}/u.test(value) ? undefined : value;
}

/** The efivarfs file for a text. */
export function encodeLoaderVariable(value: string): Buffer {
  const attributes = Buffer.alloc(4);
  attributes.writeUInt32LE(ATTRIBUTES);
  return Buffer.concat([attributes, Buffer.from(`${value}\0`, 'utf16le')]);
}

function pathOf(name: LoaderVariable, directory: string): string {
  return join(directory, `${name}-${VENDOR}`);
}

/** The kernel makes variables it does not know immutable, against `rm -rf`; a directory in a test has no such flag. */
async function clearImmutable(path: string): Promise<void> {
  await run(['chattr', '-i', path], {
    describe: 'make a firmware variable writable',
    debianPackage: 'e2fsprogs',
    allowExitCodes: [1],
  });
}
