/**
 * Fuzzes the readers of hostile input with seeds nobody tried before, until stopped or for so many rounds.
 *
 *     node tools/fuzz/fuzz.ts [--target NAME] [--rounds N] [--seed FIRST]
 *
 * What is found is written to build/fuzz; a fixed one belongs into tests/corpus, where every later run starts from it too.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from '../../tests/fuzz/fuzz-target.ts';
import { FUZZ_TARGETS } from '../../tests/fuzz/targets.ts';

const FOUND = resolve(import.meta.dirname, '../../build/fuzz');
/** Between two reports. */
const BATCH = 1000;

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    rounds: { type: 'string', default: '100000' },
    seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
  },
});
const targets = FUZZ_TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (targets.length === 0) throw new Error(`there is no target ${values.target}`);
const first = Number(values.seed);
const rounds = Number(values.rounds);
await mkdir(FOUND, { recursive: true });
for (let done = 0; done < rounds; done += BATCH) {
  for (const target of targets) {
    const seeds = Array.from({ length: Math.min(BATCH, rounds - done) }, (_, index) => first + done + index);
    const { findings, accepted } = await fuzz(target, seeds);
    process.stdout.write(
      `${target.name}: seeds from ${first + done}, ${accepted} of ${seeds.length} read, ${findings.length} found\n`,
    );
    for (const { seed, input, what } of findings) {
      process.exitCode = 1;
      const path = join(FOUND, `${target.name}-${seed}`);
      await writeFile(path, input);
      process.stdout.write(`${path}: ${what}\n`);
    }
  }
}
