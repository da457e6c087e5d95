import type { CommandTable } from '../command/spec.ts';
import { type CompletedPlace, type CompletedValue, completedPlaces } from './completion-words.ts';

/** Completion for bash 4 and newer; needs nothing of the bash-completion package. */
export function bashCompletion(table: CommandTable, program: string): string {
  const places = completedPlaces(table);
  const name = `_${program.replaceAll('-', '_')}`;
  return `# bash completion for ${program}
${name}() {
    local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} place= count=0 skip= word i
    COMPREPLY=()
    # bash takes --option=value apart at the equals sign.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=\${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        if [[ -n $skip ]]; then
            # After --option=, the value is one word further.
            [[ $word == = ]] || skip=
            continue
        fi
        case "$place $word" in
${places.flatMap(takingOptions).join('\n')}
${places
  .filter((each) => each.path.length > 0)
  .map(entering)
  .join('\n')}
        *' -'*) ;;
        *) count=$((count + 1)) ;;
        esac
    done
    case "$place $previous" in
${places.flatMap(valueCases).join('\n')}
    esac
    if [[ $current == -* ]]; then
        case "$place" in
${places.map(optionCase).join('\n')}
        esac
        return
    fi
    case "$place $count" in
${places.flatMap(wordCases).join('\n')}
    esac
}
complete -F ${name} ${program}
`;
}

/** How a place is written in the script: its words joined by a slash, so that a space can end it. */
function key(place: CompletedPlace): string {
  return place.path.join('/');
}

function takingOptions(place: CompletedPlace): readonly string[] {
  const names = place.options
    .filter((option) => option.takes !== undefined)
    .flatMap((option) => option.names);
  return names.length === 0
    ? []
    : [`        ${names.map((name) => `'${key(place)} ${name}'`).join('|')}) skip=1 ;;`];
}

function entering(place: CompletedPlace): string {
  const before = place.path.slice(0, -1).join('/');
  return `        '${before} ${place.path.at(-1)}') place='${key(place)}' ;;`;
}

function valueCases(place: CompletedPlace): readonly string[] {
  return place.options.flatMap((option) => {
    if (option.takes === undefined) return [];
    const names = option.names.map((name) => `'${key(place)} ${name}'`).join('|');
    return [`    ${names})\n        ${reply(option.takes)}\n        return\n        ;;`];
  });
}

function optionCase(place: CompletedPlace): string {
  const words = place.options.flatMap((option) => option.names.filter((name) => name.startsWith('--')));
  return `        '${key(place)}') ${replyWords(words)} ;;`;
}

function wordCases(place: CompletedPlace): readonly string[] {
  if (place.subcommands.length > 0) {
    return [`    '${key(place)} '*) ${replyWords(place.subcommands.map((each) => each.word))} ;;`];
  }
  return place.positionals.map(
    (each, index) => `    '${key(place)} '${each.rest ? '*' : index}) ${reply(each)} ;;`,
  );
}

function reply(value: CompletedValue): string {
  if (value.choices.length > 0) return replyWords(value.choices);
  return FILES[value.files];
}

const FILES: Readonly<Record<CompletedValue['files'], string>> = {
  file: 'mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames 2>/dev/null',
  directory: 'mapfile -t COMPREPLY < <(compgen -d -- "$current"); compopt -o filenames 2>/dev/null',
  none: ':',
};

function replyWords(words: readonly string[]): string {
  return `mapfile -t COMPREPLY < <(compgen -W '${words.join(' ')}' -- "$current")`;
}
