import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { deriveUuid, formatUuid } from '../uuid.ts';
import { hashSeedOf, nameHash } from './name-hash.ts';

/** What debugfs says the hashes are; it takes commands from its input, one process for all names. */
function hashesOfDebugfs(names: readonly string[], seed: Buffer): readonly number[] {
  const commands = names.map((name) => `dx_hash -h half_md4 -s ${formatUuid(seed)} ${name}`).join('\n');
  const output = execFileSync('debugfs', ['-f', '-'], {
    input: commands,
    encoding: 'latin1',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return [...output.matchAll(/is 0x(?<hash>[0-9a-f]+)/g)].map((match) =>
    Number.parseInt(match.groups?.['hash'] ?? '', 16),
  );
}

test('hashes of names are those of debugfs', () => {
  const seed = hashSeedOf(deriveUuid('seed', 'root'));
  const name = fc.stringMatching(/^[a-zA-Z0-9._+]{1,255}$/);
  const names = [
    ...fc.sample(name, { numRuns: 200, seed: 7 }),
    'a',
    'x'.repeat(31),
    'x'.repeat(32),
    'x'.repeat(33),
    'x'.repeat(255),
  ];
  expect(names.map((each) => nameHash(each, seed))).toEqual(hashesOfDebugfs(names, seed));
});
