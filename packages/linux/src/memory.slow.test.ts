import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

/** In a process of its own: others of this one take and give back memory as well. */
const SCRIPT = `
import { readFileSync } from 'node:fs';
const { keepMemoryLow, releaseMemory } = await import(process.argv[1]);
const anonymousBytes = () => Number(/^RssAnon:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
keepMemoryLow();
const before = anonymousBytes();
const held = Array.from({ length: 1000 }, () => new Uint8Array(100_000).fill(1).buffer);
const used = anonymousBytes() - before;
// Freed at once, without waiting for the collector.
for (const buffer of held) buffer.transfer(0);
releaseMemory();
console.log(JSON.stringify({ used, kept: anonymousBytes() - before }));
`;

test('buffers that were dropped go back to the system', { timeout: 120_000 }, () => {
  const module = pathToFileURL(join(import.meta.dirname, 'memory.ts')).href;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', SCRIPT, module], {
    encoding: 'utf8',
  });
  const { used, kept } = JSON.parse(output) as { readonly used: number; readonly kept: number };
  expect(used).toBeGreaterThan(80_000_000);
  expect(kept).toBeLessThan(40_000_000);
});
