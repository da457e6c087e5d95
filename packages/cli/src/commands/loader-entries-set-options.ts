import { runningSystem, setOptionsForSource } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface SetOptionsInput {
  readonly source: string;
  readonly options: string | undefined;
  readonly json: boolean;
}

/** `slipway loader-entries set-options-for-source`. */
export async function loaderEntriesSetOptions(
  { source, options = '', json }: SetOptionsInput,
  context: CommandContext,
): Promise<number> {
  const result = await setOptionsForSource(runningSystem(), { source, options }, context.operation);
  emit(context, { json }, result, ({ kind, options: next }) => [
    kind === 'unchanged' ? 'Nothing to change.' : `The next boot has: ${next}`,
  ]);
  return 0;
}
