'use strict';
/**
 * Writes the compiled form of every piece beside it, as `NAME.cache`: `node --random-seed=1 compile-pieces.cjs DIRECTORY`.
 *
 * V8 mixes chance into what it compiles, which a seed makes the same each time. A seed is also the one option that may differ where the
 * compiled form is used: for any other, V8 throws it away and compiles anew.
 */
const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { compileFunction } = require('node:vm');

const [directory = ''] = process.argv.slice(2);
for (const name of readdirSync(directory).sort()) {
  const path = join(directory, name);
  const { cachedData } = compileFunction(readFileSync(path, 'utf8'), ['exports', 'require', 'module'], {
    filename: `./${name}`,
    produceCachedData: true,
  });
  writeFileSync(`${path}.cache`, cachedData);
}
