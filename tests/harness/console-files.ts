import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';
import { ROOT } from './slipway.ts';

/** Builds the console, and reads what came of it: its files by their path. */
export async function consoleFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  await run(
    [process.execPath, join(ROOT, 'node_modules/.bin/vite'), 'build', join(ROOT, 'packages/console')],
    {
      describe: 'build the console',
      cwd: ROOT,
    },
  );
  const directory = join(ROOT, 'build/console');
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.map(async (path) => [path.slice(directory.length + 1), await readFile(path)] as const),
    ),
  );
}
