import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTempDir } from '@slipway/core';
import { build } from 'rolldown';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Prints whether importing loaded the addon, what a call of it said, and whether it is loaded then. */
const PROGRAM = `
import { readFileSync } from 'node:fs';
import { measureVerity } from '${root}/packages/linux/src/index.ts';
const isLoaded = () => /linux\\.node/.test(readFileSync('/proc/self/maps', 'utf8'));
const before = isLoaded();
let said;
try { said = measureVerity(2 ** 30); } catch (error) { said = error.code; }
console.log(JSON.stringify([before, said, isLoaded()]));
`;

// Scenario: the whole command is one file. Its addon is an asset, written to a private directory by the first system
// call that needs it and removed at once.
test('the addon loads inside a single executable and leaves no file behind', async () => {
  await using dir = await makeTempDir('sea-test');
  const main = join(dir.path, 'main.cjs');
  const program = join(dir.path, 'program');
  const config = join(dir.path, 'sea.json');
  const source = join(dir.path, 'source.ts');
  writeFileSync(source, PROGRAM);
  await build({ input: source, platform: 'node', output: { file: main, format: 'cjs' } });
  const addon = join(root, `packages/linux/native/build/linux-${process.arch}.node`);
  const sea = { main, output: program, disableExperimentalSEAWarning: true, assets: { 'linux.node': addon } };
  writeFileSync(config, JSON.stringify(sea));
  execFileSync(process.execPath, ['--build-sea', config], { stdio: 'pipe' });

  const temporary = join(dir.path, 'tmp');
  mkdirSync(temporary);
  const output = execFileSync(program, [], { encoding: 'utf8', env: { ...process.env, TMPDIR: temporary } });
  expect(JSON.parse(output)).toEqual([false, 'EBADF', true]);
  expect(readdirSync(temporary)).toEqual([]);
});
