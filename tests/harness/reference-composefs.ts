/** The reference tools, `mkcomposefs` and `composefs-info`. Only Debian unstable packages them. */
import { type RunResult, run } from '@slipway/core';
import { type UnpackedPackages, unpackedCommand, unpackPackages } from './unpacked-packages.ts';

const PACKAGES: UnpackedPackages = { name: 'composefs-sid', suite: 'sid', packages: ['composefs'] };

/** One of the reference tools. */
export type ReferenceTool = 'mkcomposefs' | 'composefs-info';

/** Gets the reference tools; the first time takes about ten seconds and a Debian mirror. */
export async function prepareReference(): Promise<void> {
  await unpackPackages(PACKAGES);
}

/** Runs a reference tool; exit code 1 is an answer. */
export function reference(tool: ReferenceTool, args: readonly string[]): Promise<RunResult> {
  return run(referenceCommand(tool, args), { describe: `run ${tool}`, allowExitCodes: [1] });
}

/** What to run for a reference tool. */
export function referenceCommand(
  tool: ReferenceTool,
  args: readonly string[],
): readonly [string, ...string[]] {
  return unpackedCommand(PACKAGES, tool, args);
}
