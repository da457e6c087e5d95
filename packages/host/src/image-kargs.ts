/** Kernel arguments an image brings: `/usr/lib/bootc/kargs.d/*.toml`, in the order of their names. */
import { formatKernelCommandLine, type KernelCommandLine, parseKernelCommandLine } from '@slipway/boot';
import { type DirectoryNode, lookupDirectory } from '@slipway/composefs';
import { messageOf, SlipwayError } from '@slipway/core';
import { parse, type TomlTable } from 'smol-toml';
import { type FileReader, readImageText } from './image-file.ts';

/** Where they are. */
export const KARGS_DIRECTORY = '/usr/lib/bootc/kargs.d';

/** bootc matches by the names Rust uses; those of Go mean the same. */
const RUST_ARCHITECTURE: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  arm64: 'aarch64',
  ppc64le: 'powerpc64',
  s390x: 's390x',
  riscv64: 'riscv64',
};
const KEYS: ReadonlySet<string> = new Set(['kargs', 'match-architectures']);

/**
 * The default arguments of an image on an architecture.
 *
 * @param architecture as Go writes it
 * @throws SlipwayError KERNEL_ARGUMENT_INVALID, naming the file, when one does not parse or has an unknown key
 */
export async function imageKernelArguments(
  tree: DirectoryNode,
  architecture: string,
  read: FileReader,
): Promise<KernelCommandLine> {
  const names = [...(lookupDirectory(tree, KARGS_DIRECTORY)?.entries.keys() ?? [])].filter((name) =>
    name.endsWith('.toml'),
  );
  const all: KernelCommandLine[] = [];
  for (const name of names.sort()) {
    const path = `${KARGS_DIRECTORY}/${name}`;
    const text = await readImageText(tree, path, read);
    if (text !== undefined) all.push(parseKargsFile(text, `${path} of the image`, architecture));
  }
  return all.flat();
}

/**
 * The arguments of one file; none when it is for other architectures.
 *
 * @param path and of what, for errors
 */
export function parseKargsFile(text: string, path: string, architecture: string): KernelCommandLine {
  const table = parseToml(text, path);
  const unknown = Object.keys(table).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw invalid(path, `it has the unknown key ${JSON.stringify(unknown)}`);
  const architectures = strings(table, 'match-architectures', path);
  const names = [architecture, RUST_ARCHITECTURE[architecture]];
  if (architectures !== undefined && !architectures.some((name) => names.includes(name))) return [];
  const words = strings(table, 'kargs', path);
  if (words === undefined) throw invalid(path, 'it has no list "kargs"');
  return parseKernelCommandLine(words.join(' '));
}

/** The command line a first deployment starts with, without its `composefs=`. */
export function firstCommandLine(
  rootArguments: KernelCommandLine,
  imageArguments: KernelCommandLine,
  extraArguments: KernelCommandLine,
): string {
  return formatKernelCommandLine([...rootArguments, ...imageArguments, ...extraArguments]);
}

function parseToml(text: string, path: string): TomlTable {
  try {
    return parse(text);
  } catch (thrown) {
    throw invalid(path, messageOf(thrown).split('\n')[0] ?? '', thrown);
  }
}

function strings(table: TomlTable, key: string, path: string): readonly string[] | undefined {
  const value = table[key];
  if (value === undefined) return undefined;
  const list = Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  if (!Array.isArray(value) || list.length !== value.length)
    throw invalid(path, `${key} is not a list of strings`);
  return list;
}

function invalid(path: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('KERNEL_ARGUMENT_INVALID', `cannot read ${path}: ${why}`, {
    hint: 'it may have kargs = ["…"] and match-architectures = ["x86_64", "aarch64"]',
    details: { path },
    cause,
  });
}
