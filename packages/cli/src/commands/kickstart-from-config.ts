import { kickstartOf, loadConfig } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';

/** `slipway kickstart from-config CONFIG`. */
export async function kickstartFromConfig(
  input: { readonly config: string },
  context: CommandContext,
): Promise<number> {
  const { config } = await loadConfig(input.config, 'installer');
  const { text, leftOut } = kickstartOf(config);
  const { log } = context.operation;
  for (const field of leftOut) log?.warn(`${field} is left out: kickstart has no word for it`);
  context.print(text);
  return 0;
}
