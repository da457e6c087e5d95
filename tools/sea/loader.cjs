'use strict';
/** The script of the single executable: finds the pieces of the command line among its assets, and runs the first. */
const { getAsset, getRawAsset } = require('node:sea');
const { compileFunction } = require('node:vm');

const loaded = new Map();

/** `require` of a piece, which comes with its compiled form: `./NAME` is another piece, anything else comes with Node. */
function load(name) {
  if (!name.startsWith('./')) return require(name);
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const code = getAsset(name.slice(2), 'utf8');
  const cachedData = new Uint8Array(getRawAsset(`${name.slice(2)}.cache`));
  const piece = compileFunction(code, ['exports', 'require', 'module'], { filename: name, cachedData });
  piece(module.exports, load, module);
  return module.exports;
}

load('./slipway.js');
