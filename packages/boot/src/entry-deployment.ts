import { type BootEntry, bootEntryOptions } from './entry.ts';
import { composefsArgument, parseKernelCommandLine } from './kernel-command-line.ts';

/** Which deployment an entry starts; undefined for another system's, and for one whose arguments cannot be read. */
export function entryDeployment(entry: BootEntry): string | undefined {
  try {
    return composefsArgument(parseKernelCommandLine(bootEntryOptions(entry)))?.id;
  } catch {
    return undefined;
  }
}
