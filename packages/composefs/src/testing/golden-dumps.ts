import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const DIRECTORY: string = join(import.meta.dirname, '../../testdata/dumps');

/** A dump in the tree, with the digests of the images mkcomposefs 1.0.8 made of it. */
export interface GoldenDump {
  readonly name: string;
  readonly bytes: Buffer;
  /** fs-verity digest of `--min-version=0 --max-version=1` and of `--min-version=1`. */
  readonly imageIds: readonly [string, string];
}

/** Every dump in `testdata/dumps`. */
export const GOLDEN_DUMPS: readonly GoldenDump[] = readGoldenDumps();

function readGoldenDumps(): readonly GoldenDump[] {
  const ids = new Map<string, string>();
  for (const line of readFileSync(join(DIRECTORY, 'digests.txt'), 'utf8').trim().split('\n')) {
    const [name, version, id] = line.split(' ');
    ids.set(`${name} ${version}`, id ?? '');
  }
  const names = readdirSync(DIRECTORY).filter((name) => name.endsWith('.dump'));
  return names.map((name) => ({
    name,
    bytes: readFileSync(join(DIRECTORY, name)),
    imageIds: [ids.get(`${name} 0`) ?? '', ids.get(`${name} 1`) ?? ''],
  }));
}
