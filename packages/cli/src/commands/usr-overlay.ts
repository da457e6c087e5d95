import { mountUsrOverlay, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway usr-overlay`. */
export async function usrOverlay(
  input: { readonly readOnly: boolean },
  context: CommandContext,
): Promise<number> {
  const accessMode = input.readOnly ? 'readOnly' : 'readWrite';
  await mountUsrOverlay(runningSystem(), accessMode, context.operation);
  const how = input.readOnly ? 'mounted, not writable' : 'writable';
  context.print(`/usr is ${how}; the layer is gone at the next boot\n`);
  return 0;
}
