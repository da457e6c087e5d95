'use strict';
/** The script of the single executable: finds the pieces of the command line among its assets, and runs the first. */
const { getAsset } = require('node:sea');
const { compileFunction } = require('node:vm');

const loaded = new Map();

/** `require` of a piece: `./NAME` is another piece, anything else comes with Node. */
function load(name) {
  if (!name.startsWith('./')) return require(name);
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const code = getAsset(name.slice(2), 'utf8');
  compileFunction(code, ['exports', 'require', 'module'], { filename: name })(module.exports, load, module);
  return module.exports;
}

load('./slipway.js');
