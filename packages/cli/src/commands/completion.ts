import type { CommandContext } from '../command/spec.ts';
import { completionScript, type Shell } from '../reference/completion.ts';

/** `slipway completion SHELL`; the parser let only the three shells through. */
export async function completion(
  input: { readonly shell: string },
  context: CommandContext,
): Promise<number> {
  context.print(completionScript(input.shell as Shell, context.table, context.invokedAs));
  return 0;
}
