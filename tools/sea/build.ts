/**
 * Builds `slipway` as one executable file: Node, the bundled command line and the native addon.
 *
 *     tools/sea/build.ts -o build/slipway
 *
 * The same sources, Node and tools give the same bytes: nothing in it depends on time, place or machine.
 */
import { chmod, copyFile, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { errnoOf, formatBytes, makeTempDir, messageOf, run } from '../../packages/core/src/index.ts';
import { ROOT } from '../root.ts';
import { bundleInPieces, bundleWhole } from './bundle.ts';

const ENTRY = join(ROOT, 'packages/cli/src/main.ts');
const LAYER_WORKER = join(ROOT, 'packages/composefs/src/import/layer-worker.ts');
const VERITY_WORKER = join(ROOT, 'packages/composefs/src/verity/verity-worker.ts');
const ROLLOUT_WORKER = join(ROOT, 'packages/fleet/src/rollouts/rollout-worker.ts');
const PACKER = join(ROOT, 'tools/sea/pack-pieces.cjs');
const LOADER = join(ROOT, 'tools/sea/loader.cjs');
const ADDON = join(ROOT, `packages/linux/native/build/linux-${process.arch}.node`);
/**
 * As bin/slipway does: a third less memory for an import, and a tenth to a third less work, as such a nursery is emptied faster than
 * other threads can be asked to help.
 */
const NODE_OPTIONS = ['--max-semi-space-size=1', '--single-threaded-gc'];
/** Names in the work directory. */
const SOURCES = 'sources';
const PIECES = 'pieces';
const PLACES = 'pieces.json';
const SCRIPT = 'loader.cjs';
const WORKER_SCRIPT = 'layer-worker.js';
const VERITY_SCRIPT = 'verity-worker.js';
const ROLLOUT_SCRIPT = 'rollout-worker.js';
const NODE = 'node';
const EXECUTABLE = 'slipway';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { output: { type: 'string', short: 'o' } } });
  const output = resolve(values.output ?? join(ROOT, 'build/slipway'));
  await using work = await makeTempDir('sea');

  await bundleInPieces(ENTRY, join(work.path, SOURCES));
  await bundleWhole(LAYER_WORKER, join(work.path, WORKER_SCRIPT));
  await bundleWhole(VERITY_WORKER, join(work.path, VERITY_SCRIPT));
  await bundleWhole(ROLLOUT_WORKER, join(work.path, ROLLOUT_SCRIPT));
  await packPieces(work.path);
  await copyFile(LOADER, join(work.path, SCRIPT));
  await strippedNode(join(work.path, NODE));
  await run(['sh', join(ROOT, 'packages/linux/native/build.sh')], { describe: 'build the native addon' });
  await inject(work.path);
  const executable = join(work.path, EXECUTABLE);
  await run([executable, '--version'], { describe: 'run the new executable' });

  await place(executable, output);
  process.stderr.write(`${output}: ${formatBytes((await stat(output)).size)}\n`);
}

/**
 * Node without symbol and debug tables: a fifth of its size. The dynamic symbols stay, which addons bind to. Done
 * before the script goes in, since stripping afterwards would move what Node finds it by.
 */
async function strippedNode(to: string): Promise<void> {
  await run(['strip', '--strip-all', '-o', to, process.execPath], {
    describe: 'strip the Node executable',
    debianPackage: 'binutils',
  });
}

/** V8 takes what was compiled under the options it runs with; only the seed may differ, which makes the same of the same pieces. */
async function packPieces(directory: string): Promise<void> {
  const paths = [SOURCES, PIECES, PLACES].map((name) => join(directory, name));
  await run([process.execPath, ...NODE_OPTIONS, '--random-seed=1', PACKER, ...paths], {
    describe: 'compile the pieces',
  });
}

/** Puts script and addon into the executable. Paths are relative because Node records the script's. */
async function inject(directory: string): Promise<void> {
  await writeFile(
    join(directory, 'sea.json'),
    JSON.stringify({
      main: SCRIPT,
      mainFormat: 'commonjs',
      executable: NODE,
      output: EXECUTABLE,
      disableExperimentalSEAWarning: true,
      useCodeCache: false,
      // Neither NODE_OPTIONS nor arguments may change how the command of a host runs.
      execArgvExtension: 'none',
      execArgv: NODE_OPTIONS,
      assets: {
        'linux.node': ADDON,
        'layer-worker.js': WORKER_SCRIPT,
        'verity-worker.js': VERITY_SCRIPT,
        'rollout-worker.js': ROLLOUT_SCRIPT,
        [PIECES]: PIECES,
        [PLACES]: PLACES,
      },
    }),
  );
  await run([process.execPath, '--build-sea=sea.json'], {
    describe: 'build the single executable',
    cwd: directory,
  });
  await chmod(join(directory, EXECUTABLE), 0o755);
}

/** Under its name only when complete, and never written into while it runs. */
async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const temporary = `${to}.${process.pid}.new`;
  await copyFile(from, temporary);
  await chmod(temporary, 0o755);
  await rename(temporary, to);
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = errnoOf(thrown) === 'ENOENT' ? 4 : 1;
}
