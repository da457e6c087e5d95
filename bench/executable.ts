import { run } from '@slipway/core';
import { CACHE, ROOT } from '../tests/harness/slipway.ts';

/** The single executable of this checkout, which is what a host has, built anew: its path. */
export async function slipwayExecutable(): Promise<string> {
  const path = `${CACHE}/bench-slipway`;
  await run([process.execPath, `${ROOT}/tools/sea/build.ts`, '-o', path], {
    describe: 'build the single executable',
  });
  return path;
}
