import { join } from 'node:path';

/** Makes a new place for a database of one kind: a path, or an address. */
export type Place = () => Promise<string>;

/** Files in a directory, which need not be there yet. */
export function sqlitePlaces(directory: () => string): Place {
  let files = 0;
  return async () => {
    files += 1;
    return join(directory(), `${files}.db`);
  };
}
