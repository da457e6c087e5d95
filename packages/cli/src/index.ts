export { type CliWorld, runCli } from './cli.ts';
export type { CommandContext, CommandSpec, CommandTable, Example, GroupSpec } from './command/spec.ts';
export { COMMAND_TABLE } from './command/table.ts';
export { completionScript, type Shell } from './reference/completion.ts';
export { manPages, type Page } from './reference/man.ts';
export { commandPages, errorsPage } from './reference/markdown.ts';
