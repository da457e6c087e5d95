import type { CommandTable } from '../command/spec.ts';
import {
  type CompletedOption,
  type CompletedPlace,
  type CompletedValue,
  completedPlaces,
} from './completion-words.ts';

/** Completion for zsh: a function a place, each an _arguments call. */
export function zshCompletion(table: CommandTable, program: string): string {
  const places = completedPlaces(table);
  const functions = places.map((place) => functionOf(place, places, program)).join('\n');
  const main = functionName([], program);
  // Autoloaded from fpath the file is the function; sourced, it registers itself.
  return `#compdef ${program}
# zsh completion for ${program}

${functions}
if [[ \${funcstack[1]:-} == ${main} ]]; then
    ${main} "$@"
elif (( \${+functions[compdef]} )); then
    compdef ${main} ${program}
fi
`;
}

function functionName(path: readonly string[], program: string): string {
  return ['_' + program, ...path].join('_').replaceAll('-', '_');
}

function functionOf(place: CompletedPlace, places: readonly CompletedPlace[], program: string): string {
  const name = functionName(place.path, program);
  const options = place.options.map(optionSpec);
  if (place.subcommands.length === 0) {
    const positionals = place.positionals.map(
      (each, index) => `'${each.rest ? '*' : index + 1}:${quoted(each.placeholder)}:${action(each)}'`,
    );
    return `${name}() {\n    _arguments -s ${[...options, ...positionals].map(continued).join('')}\n}\n`;
  }
  const words = place.subcommands.map((each) => `        '${quoted(each.word)}:${quoted(each.help)}'`);
  const calls = place.subcommands
    .filter((each) => places.some((other) => other.path.join(' ') === [...place.path, each.word].join(' ')))
    .map((each) => `            ${each.word}) ${functionName([...place.path, each.word], program)} ;;`);
  return `${name}() {
    local context state line
    typeset -A opt_args
    local -a commands=(
${words.join('\n')}
    )
    _arguments -s -C ${[...options, "'1:command:->command'", "'*::argument:->argument'"].map(continued).join('')}
    case $state in
    command) _describe command commands ;;
    argument)
        case $line[1] in
${calls.join('\n')}
        esac
        ;;
    esac
}
`;
}

function continued(spec: string): string {
  return `\\\n        ${spec}`;
}

function optionSpec(option: CompletedOption): string {
  const [first] = option.names;
  const value =
    option.takes === undefined ? '' : `:${quoted(option.takes.placeholder)}:${action(option.takes)}`;
  const text = `'[${quoted(option.help)}]${value}'`;
  const exclusive = option.repeatable ? "'*'" : `'(${option.names.join(' ')})'`;
  return option.names.length === 1
    ? `${exclusive}${first}${text}`
    : `${exclusive}{${option.names.join(',')}}${text}`;
}

function action(value: CompletedValue): string {
  if (value.choices.length > 0) return `(${value.choices.join(' ')})`;
  return FILES[value.files];
}

const FILES: Readonly<Record<CompletedValue['files'], string>> = {
  file: '_files',
  directory: '_files -/',
  none: ' ',
};

/** Text inside single quotes inside an _arguments specification. */
function quoted(text: string): string {
  return text.replace(/[\\[\]:]/g, (found) => `\\${found}`).replaceAll("'", "'\\''");
}
