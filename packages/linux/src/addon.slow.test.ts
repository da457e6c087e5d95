import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTempDir } from '@slipway/core';
import { build } from 'rolldown';
import { describe, expect, test } from 'vitest';

const index = fileURLToPath(new URL('./index.ts', import.meta.url));
const built = fileURLToPath(new URL(`../native/build/linux-${process.arch}.node`, import.meta.url));

/** Prints whether importing loaded the addon, then what a call of it said. */
const PROGRAM = `
import { readFileSync } from 'node:fs';
import { measureVerity, tryLockFile } from '${index}';
const isLoaded = () => /linux.*\\.node/.test(readFileSync('/proc/self/maps', 'utf8'));
const before = isLoaded();
let said;
try { said = measureVerity(2 ** 30); } catch (error) { said = error.code; }
console.log(JSON.stringify([before, said, isLoaded()]));
`;

describe('loading the addon', () => {
  test('from a checkout: by the first call, not by the import', () => {
    expect(runNode(['--input-type=module', '-e', PROGRAM])).toEqual([false, 'EBADF', true]);
  });

  test('beside a bundled script', async () => {
    await using dir = await makeTempDir('addon-test');
    await bundleInto(dir.path);
    copyFileSync(built, join(dir.path, 'linux.node'));
    expect(runNode([join(dir.path, 'program.mjs')])).toEqual([false, 'EBADF', true]);
  });

  test('missing: says how to build it', async () => {
    await using dir = await makeTempDir('addon-test');
    await bundleInto(dir.path);
    expect(runNode([join(dir.path, 'program.mjs')])).toEqual([false, 'ADDON_MISSING', false]);
  });
});

async function bundleInto(directory: string): Promise<void> {
  const source = join(directory, 'source.ts');
  writeFileSync(source, PROGRAM);
  await build({ input: source, platform: 'node', output: { file: join(directory, 'program.mjs') } });
}

function runNode(args: readonly string[]): unknown {
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}
