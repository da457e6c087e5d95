import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes a new directory below another at every call: one for each run. */
export function freshPlaces(directory: string): () => Promise<string> {
  let places = 0;
  return async () => {
    places += 1;
    const path = join(directory, String(places));
    await mkdir(path);
    return path;
  };
}
