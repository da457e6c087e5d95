import type { ColourChoice } from '../output/style.ts';
import { choiceOr, type DefaultedValue, type FlagOption, flag } from './option.ts';

/** How progress is shown. */
export type ProgressChoice = 'auto' | 'tty' | 'plain' | 'json' | 'none';

/** Options every command takes, before or after its name. */
export const GLOBAL_OPTIONS: {
  readonly progress: DefaultedValue<ProgressChoice>;
  readonly quiet: FlagOption;
  readonly verbose: FlagOption;
  readonly color: DefaultedValue<ColourChoice>;
} = {
  progress: choiceOr(
    'auto',
    ['auto', 'tty', 'plain', 'json', 'none'],
    'how progress is shown on standard error; json is one object a line, errors included',
    { env: 'SLIPWAY_PROGRESS' },
  ),
  quiet: flag('say nothing but warnings and errors', { short: 'q' }),
  verbose: flag('say what is done step by step, and everything known about an error', { short: 'v' }),
  color: choiceOr('auto', ['auto', 'always', 'never'], 'when to use colours; NO_COLOR is obeyed', {}),
};

/** The global options as given. */
export interface GlobalInput {
  readonly progress: ProgressChoice;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: ColourChoice;
}
