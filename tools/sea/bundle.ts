/**
 * The sources as scripts the single executable holds.
 *
 * V8 reads all of a script before it runs the first line, and the server of a fleet is of no use to `slipway status`: as one script the
 * command line took longer to read than most commands take to run. So it is cut where a command loads what it needs (`import()`), and a
 * piece is read when it is asked for.
 */
import { type BuildOptions, build } from 'rolldown';
import { ROOT } from '../root.ts';

/** In every script: a piece has no file of its own, so what looks for files beside itself finds the executable's. */
const BANNER = [
  'const __slipwayModuleUrl = require("node:url").pathToFileURL(process.execPath).href;',
  'const __slipwayModuleDirectory = require("node:path").dirname(process.execPath);',
].join('\n');

const COMMON = {
  cwd: ROOT,
  platform: 'node',
  transform: {
    target: 'node26',
    define: {
      'import.meta.url': '__slipwayModuleUrl',
      'import.meta.dirname': '__slipwayModuleDirectory',
    },
  },
} as const satisfies BuildOptions;

const OUTPUT = {
  format: 'cjs',
  banner: BANNER,
  comments: false,
  // Names stay, for stack traces people can read in a report.
  minify: { mangle: false, compress: true, codegen: { removeWhitespace: true } },
} as const;

/** One CommonJS file with everything in it: what a worker thread runs. */
export async function bundleWhole(entry: string, outfile: string): Promise<void> {
  await build({ ...COMMON, input: entry, output: { ...OUTPUT, file: outfile, codeSplitting: false } });
}

/**
 * CommonJS files that `require` each other as `./NAME`, written to `directory`; the first to run is `slipway.js`.
 */
export async function bundleInPieces(entry: string, directory: string): Promise<void> {
  await build({
    ...COMMON,
    input: { slipway: entry },
    output: { ...OUTPUT, dir: directory, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
  });
}
