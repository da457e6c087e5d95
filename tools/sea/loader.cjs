'use strict';
/** The script of the single executable: finds the pieces of the command line in one of its assets, and runs the first. */
const { Buffer } = require('node:buffer');
const { getAsset, getRawAsset } = require('node:sea');
const { compileFunction } = require('node:vm');

/** By name where a piece begins, where its compiled form begins, and where that ends. */
const places = JSON.parse(getAsset('pieces.json', 'utf8'));
const pieces = Buffer.from(getRawAsset('pieces'));
const loaded = new Map();

/** `require` of a piece, which comes with its compiled form: `./NAME` is another piece, anything else comes with Node. */
function load(name) {
  if (!name.startsWith('./')) return require(name);
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const [begin, compiled, end] = places[name.slice(2)];
  const code = pieces.toString('utf8', begin, compiled);
  const cachedData = pieces.subarray(compiled, end);
  const piece = compileFunction(code, ['exports', 'require', 'module'], { filename: name, cachedData });
  piece(module.exports, load, module);
  return module.exports;
}

load('./slipway.js');
