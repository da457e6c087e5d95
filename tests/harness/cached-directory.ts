import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { exclusively } from './exclusively.ts';
import { CACHE } from './slipway.ts';

/**
 * A directory below build/cache that whoever asks for it first makes, for all others.
 *
 * @param make writes it somewhere else: what is ended half way is never taken for the whole
 */
export async function cachedDirectory(name: string, make: (at: string) => Promise<void>): Promise<string> {
  const path = `${CACHE}/${name}`;
  await exclusively(name, async () => {
    if (existsSync(path)) return;
    const unfinished = `${path}.${process.pid}`;
    await make(unfinished);
    await rename(unfinished, path);
  });
  return path;
}
