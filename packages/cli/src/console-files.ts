import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isSea } from 'node:sea';
import { errnoOf, type Operation, run } from '@slipway/core';
import type { ServeFleetOptions } from '@slipway/fleet';
import { ownFiles } from './own-files.ts';

type ConsolePages = Pick<ServeFleetOptions, 'pages'>;

/** The page of a fleet, all of it: no request reaches the file system. Without it a server has the API alone. */
export async function consolePages({ log }: Operation): Promise<ConsolePages> {
  const { consoleDir } = ownFiles();
  const pages = await readFiles(consoleDir);
  if (pages !== undefined) return { pages };
  log.info('the console is not installed: serving the API alone', { directory: consoleDir });
  return {};
}

/** The same; in a checkout where the page was not built yet, its builder is called. */
export async function builtConsolePages(operation: Operation): Promise<ConsolePages> {
  const { consoleDir } = ownFiles();
  if (!isSea() && (await readFiles(consoleDir)) === undefined) await build(consoleDir, operation);
  return await consolePages(operation);
}

async function build(target: string, { signal, log }: Operation): Promise<void> {
  log.info('building the console, once');
  const checkout = join(import.meta.dirname, '..', '..', '..');
  const vite = join(checkout, 'node_modules', 'vite', 'bin', 'vite.js');
  const unfinished = `${target}.${process.pid}`;
  await run([process.execPath, vite, 'build', 'packages/console', '--outDir', unfinished, '--emptyOutDir'], {
    describe: 'build the console',
    cwd: checkout,
    signal,
    log,
  });
  // In one step: nobody sees half a page, and who was faster wins.
  await rename(unfinished, target).catch(async () => await rm(unfinished, { recursive: true }));
}

async function readFiles(directory: string): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const pages = new Map<string, Uint8Array>();
  for (const path of await listFiles(directory)) pages.set(relative(directory, path), await readFile(path));
  return pages.has('index.html') ? pages : undefined;
}

async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}
