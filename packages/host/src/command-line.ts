/** Telling whether a kernel runs with the command line an entry has. */
import { parseKernelCommandLine, withoutGrubArguments } from '@slipway/boot';
import { isSlipwayError } from '@slipway/core';

/** What boot loaders add, and what says which deployment it is: these may differ. */
const OWN_ARGUMENTS: ReadonlySet<string> = new Set(['composefs', 'initrd', 'BOOT_IMAGE']);

/** Whether two command lines say the same, but for the deployment and what boot loaders add; one that does not parse equals none. */
export function isSameCommandLine(a: string, b: string): boolean {
  try {
    return comparable(a) === comparable(b);
  } catch (thrown) {
    if (!isSlipwayError(thrown, 'KERNEL_ARGUMENT_INVALID')) throw thrown;
    return false;
  }
}

function comparable(commandLine: string): string {
  return withoutGrubArguments(parseKernelCommandLine(commandLine))
    .filter(({ key }) => !OWN_ARGUMENTS.has(key))
    .map(({ text }) => text)
    .join(' ');
}
