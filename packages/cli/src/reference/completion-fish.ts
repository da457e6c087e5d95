import type { CommandTable } from '../command/spec.ts';
import { type CompletedPlace, type CompletedValue, completedPlaces } from './completion-words.ts';

/** Completion for fish: one `complete` line a word. */
export function fishCompletion(table: CommandTable, program: string): string {
  const places = completedPlaces(table);
  return `# fish completion for ${program}
complete -c ${program} -f
function __${program}_at
    # True when the words before the cursor, options left out, begin with exactly these commands.
    set -l words (commandline -opc | string match -v -- '-*')
    set -e words[1]
    test (count $argv) -eq 0; and test (count $words) -gt 0; and return 1
    for i in (seq (count $argv))
        test "$words[$i]" = "$argv[$i]"; or return 1
    end
    return 0
end
${places.flatMap((place) => linesOf(place, program)).join('\n')}
`;
}

function linesOf(place: CompletedPlace, program: string): readonly string[] {
  const start = `complete -c ${program} -n ${quoted([`__${program}_at`, ...place.path].join(' '))}`;
  const words = place.subcommands.map((each) => `${start} -a ${quoted(each.word)} -d ${quoted(each.help)}`);
  const options = place.options.map((option) => {
    const names = option.names.map((name) =>
      name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
    );
    const takes = option.takes === undefined ? '' : ` -r${offer(option.takes)}`;
    return `${start} ${names.join(' ')}${takes} -d ${quoted(option.help)}`;
  });
  const positionals = place.positionals
    .map(offer)
    .filter((text) => text !== '')
    .map((text) => `${start}${text}`);
  return [...words, ...options, ...new Set(positionals)];
}

function offer(value: CompletedValue): string {
  if (value.choices.length > 0) return ` -f -a ${quoted(value.choices.join(' '))}`;
  return FILES[value.files];
}

const FILES: Readonly<Record<CompletedValue['files'], string>> = {
  file: ' -F',
  directory: " -f -a '(__fish_complete_directories)'",
  none: '',
};

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, (found) => `\\${found}`)}'`;
}
