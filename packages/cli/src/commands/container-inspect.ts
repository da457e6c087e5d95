import { type InspectedRoot, inspectRoot } from '@slipway/build';
import { parseKargsFile } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { safeText } from '../output/safe-text.ts';
import { machineArchitecture } from './architecture.ts';

interface ContainerInspectInput {
  readonly rootfs: string;
  readonly json: boolean;
  readonly format: 'humanreadable' | 'yaml' | 'json' | undefined;
}

/** `slipway container inspect`. */
export async function containerInspect(
  input: ContainerInspectInput,
  context: CommandContext,
): Promise<number> {
  const architecture = machineArchitecture();
  const found = await inspectRoot({
    root: input.rootfs,
    readKernelArguments: (text, path) => parseKargsFile(text, path, architecture).map((each) => each.text),
  });
  context.print(await formatted(found, input.json ? 'json' : (input.format ?? 'humanreadable')));
  return 0;
}

async function formatted(found: InspectedRoot, format: 'humanreadable' | 'yaml' | 'json'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(found, undefined, 2)}\n`;
  if (format === 'yaml') return (await import('yaml')).stringify(found);
  const { kargs, kernel } = found;
  const version = kernel === null ? 'none' : `${kernel.version}${kernel.unified ? ' (unified)' : ''}`;
  return safeText(`Kernel: ${version}`) + '\n' + safeText(`Kernel arguments: ${kargs.join(' ')}`) + '\n';
}
