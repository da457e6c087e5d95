/**
 * Writes the reference from the command table, the error catalogue and the schema of configurations:
 * `docs/reference/cli/`, `docs/reference/errors.md`, `docs/reference/config.schema.json`, the
 * OpenAPI document of `packages/fleet-api` (all committed) and `build/man/`, `build/completion/`.
 *
 *     node tools/docs/generate.ts            writes all of them
 *     node tools/docs/generate.ts --check    writes nothing; ends with 1 when a committed page is out of date
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  COMMAND_TABLE,
  commandPages,
  completionScript,
  errorsPage,
  manPages,
} from '../../packages/cli/src/index.ts';
import { openApiDocument } from '../../packages/fleet-api/src/index.ts';
import { configJsonSchema } from '../../packages/install/src/index.ts';
import { ROOT } from '../root.ts';

/** A file to write, by its path from the top of the checkout. */
interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

const PAGES_DIR = join('docs', 'reference', 'cli');

/** The pages that are committed. */
export function committedFiles(): readonly GeneratedFile[] {
  const pages = commandPages(COMMAND_TABLE).map(({ name, text }) => ({ path: join(PAGES_DIR, name), text }));
  const openApi = `${JSON.stringify(openApiDocument(), undefined, 2)}\n`;
  const schema = `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
  return [
    ...pages,
    { path: join('docs', 'reference', 'errors.md'), text: errorsPage().text },
    { path: join('docs', 'reference', 'config.schema.json'), text: schema },
    { path: join('packages', 'fleet-api', 'openapi.json'), text: openApi },
  ];
}

/** What goes into packages and images: man pages, and completion under the name each shell looks for. */
export function builtFiles(): readonly GeneratedFile[] {
  const completion = (shell: 'bash' | 'zsh' | 'fish', name: string): GeneratedFile => ({
    path: join('build', 'completion', shell, name),
    text: completionScript(shell, COMMAND_TABLE, 'slipway'),
  });
  return [
    ...manPages(COMMAND_TABLE).map(({ name, text }) => ({ path: join('build', 'man', name), text })),
    completion('bash', 'slipway'),
    completion('zsh', '_slipway'),
    completion('fish', 'slipway.fish'),
  ];
}

/** Committed pages that differ from what would be written, and pages of commands there are no more. */
export async function staleFiles(root: string = ROOT): Promise<readonly string[]> {
  const wanted = committedFiles();
  const found = await readdir(join(root, PAGES_DIR)).catch(() => []);
  const left = found
    .map((name) => join(PAGES_DIR, name))
    .filter((path) => !wanted.some((each) => each.path === path));
  const differing: string[] = [];
  for (const { path, text } of wanted) {
    const written = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (written !== text) differing.push(path);
  }
  return [...differing, ...left];
}

async function writeAll(): Promise<void> {
  await rm(join(ROOT, PAGES_DIR), { recursive: true, force: true });
  for (const { path, text } of [...committedFiles(), ...builtFiles()]) {
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), text);
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (!args.includes('--check')) {
    await writeAll();
    return 0;
  }
  const stale = await staleFiles();
  for (const path of stale) process.stderr.write(`out of date: ${path}\n`);
  if (stale.length > 0) process.stderr.write('hint: node tools/docs/generate.ts writes them anew\n');
  return stale.length > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
