import type { CommandTable } from '../command/spec.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';

/** Shells there is a script for. */
export type Shell = 'bash' | 'zsh' | 'fish';

const SCRIPTS: Readonly<Record<Shell, (table: CommandTable, program: string) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The completion script of a shell, made from the table: it needs no call of the program to answer. */
export function completionScript(shell: Shell, table: CommandTable, program: string): string {
  return SCRIPTS[shell](table, program);
}
