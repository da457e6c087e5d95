'use strict';
/**
 * Puts every piece with its compiled form into one file, and into another where each is: `node --random-seed=1 pack-pieces.cjs FROM PIECES
 * PLACES`.
 *
 * One file, because Node looks at the head of each asset when it starts, and the kernel maps 64 KiB for a look: as assets of their own the
 * pieces cost a process more memory than those it runs.
 *
 * V8 mixes chance into what it compiles, which a seed makes the same each time. A seed is also the one option that may differ where the
 * compiled form is used: for any other, V8 throws it away and compiles anew.
 */
const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { compileFunction } = require('node:vm');

const [directory = '', piecesPath = '', placesPath = ''] = process.argv.slice(2);
const parts = [];
const places = {};
let end = 0;
for (const name of readdirSync(directory).sort()) {
  const code = readFileSync(join(directory, name));
  const { cachedData } = compileFunction(code.toString('utf8'), ['exports', 'require', 'module'], {
    filename: `./${name}`,
    produceCachedData: true,
  });
  parts.push(code, cachedData);
  places[name] = [end, end + code.length, end + code.length + cachedData.length];
  end = places[name][2];
}
writeFileSync(piecesPath, Buffer.concat(parts));
writeFileSync(placesPath, JSON.stringify(places));
