import { SlipwayError } from '@slipway/core';
import type { CommanderError } from 'commander';
import type { CommandTable } from './spec.ts';

/** Says in one line what commander did not understand, and in the hint what to type instead. */
export function usageError(
  thrown: CommanderError,
  args: readonly string[],
  table: CommandTable,
  program: string,
): SlipwayError {
  const command = [program, ...typedPath(args, table)].join(' ');
  const suggestion = /\(Did you mean (?<names>.*?)\?\)/s.exec(thrown.message)?.groups?.['names'];
  const ask = `${command} --help lists what it takes`;
  return new SlipwayError('USAGE', `cannot run ${command}: ${reason(thrown)}`, {
    hint: suggestion === undefined ? ask : `did you mean ${suggestion}? ${ask}`,
    cause: thrown,
  });
}

function reason(thrown: CommanderError): string {
  if (thrown.code === 'commander.help') return 'it needs a command';
  return thrown.message
    .replace(/^error: /, '')
    .replace(/\s*\(Did you mean.*$/s, '')
    .replace(/<([^>]+)>/g, '$1')
    .replace(/^required option (.*) not specified$/, 'option $1 must be given')
    .replace(/\. Expected (\d+) arguments?.* but got (\d+).*$/s, ' (takes $1, got $2)')
    .replace(/\.$/, '');
}

/** The words of the command line that name a command or a group of the table. */
export function typedPath(args: readonly string[], table: CommandTable): readonly string[] {
  const words = args.filter((word) => !word.startsWith('-'));
  const [first, second] = words;
  const matches = (path: readonly string[]): boolean =>
    table.commands.some(
      (spec) =>
        path.length === spec.path.length &&
        spec.path.slice(0, -1).every((word, index) => word === path[index]) &&
        [spec.path.at(-1), ...spec.aliases].includes(path.at(-1)),
    );
  if (first === undefined) return [];
  if (matches([first]) && groupTyped(args, table) === undefined) return [first];
  if (!table.groups.some((group) => group.name === first)) return [];
  return second !== undefined && matches([first, second]) ? [first, second] : [first];
}

/**
 * The group that is meant although a command has its name (`image list`, and `image IMAGE`): the word right after it names one of its
 * commands.
 */
export function groupTyped(args: readonly string[], table: CommandTable): string | undefined {
  const at = args.findIndex((word) => !word.startsWith('-'));
  const [group, command] = args.slice(Math.max(at, 0), at + 2);
  const isOfGroup = table.commands.some(
    ({ path, aliases }) =>
      path.length === 2 &&
      path[0] === group &&
      [path[1], ...aliases].some((name) => name !== undefined && name === command),
  );
  return at === -1 || !isOfGroup ? undefined : group;
}
