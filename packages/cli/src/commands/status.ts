import { SlipwayError } from '@slipway/core';
import { type BootcHost, hostStatus, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { onlyBooted, statusWords } from '../render/status.ts';

interface StatusInput {
  readonly json: boolean;
  readonly format: 'humanreadable' | 'yaml' | 'json' | undefined;
  readonly formatVersion: '0' | '1';
  readonly booted: boolean;
}

/** `slipway status`. */
export async function status(input: StatusInput, context: CommandContext): Promise<number> {
  const host = await hostStatus(runningSystem());
  const shown = input.booted ? onlyBooted(host) : host;
  for (const problem of host.slipway.problems) context.operation.log.warn(problem);
  context.print(await formatted(shown, formatOf(input, context), context));
  return 0;
}

/** Under the name of bootc YAML where no one watches, as bootc does; words for people everywhere else. */
function formatOf(input: StatusInput, context: CommandContext): 'humanreadable' | 'yaml' | 'json' {
  if (input.json) return 'json';
  const asBootc = context.invokedAs === 'bootc' && !context.stdoutIsTerminal;
  return input.format ?? (asBootc ? 'yaml' : 'humanreadable');
}

async function formatted(
  host: BootcHost,
  format: 'humanreadable' | 'yaml' | 'json',
  context: CommandContext,
): Promise<string> {
  if (format === 'json') return `${JSON.stringify(host, undefined, 2)}\n`;
  if (format === 'yaml') return (await import('yaml')).stringify(host);
  if (host.status.booted !== null) {
    return `${statusWords(host, context.style, context.verbose).join('\n')}\n`;
  }
  throw new SlipwayError(
    'NOT_A_SLIPWAY_HOST',
    'cannot show deployments: this machine was not booted from a Slipway deployment',
    { hint: 'make a disk with slipway image and boot it; slipway run does both' },
  );
}
