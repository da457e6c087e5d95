import { nearMiss } from '../config/near-miss.ts';
import { COMMANDS, CONFLICTS, SECTIONS } from './commands.ts';
import type { CommandDefinition } from './definition.ts';
import { type OptionSetting, parseOptions } from './options.ts';
import { expandSource, type KickstartProblem, type LoadFile, type SourceLine } from './source.ts';
import { splitWords } from './words.ts';

/** A command of a file. */
export interface KickstartCommand {
  readonly name: string;
  readonly definition: CommandDefinition;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, OptionSetting>;
  readonly file: string;
  readonly line: number;
}

/** A section of a file, such as a script. */
export interface KickstartSection extends KickstartCommand {
  readonly body: string;
}

/** A file, understood as far as it can be. */
export interface KickstartDocument {
  readonly commands: readonly KickstartCommand[];
  readonly sections: readonly KickstartSection[];
  /** In the order they were found. */
  readonly problems: readonly KickstartProblem[];
}

/**
 * Reads a kickstart file, all files it names included. Nothing is thrown for what is wrong with it: every problem is in the
 * answer with file and line.
 *
 * @param load reads further files
 */
export async function parseKickstart(name: string, text: string, load: LoadFile): Promise<KickstartDocument> {
  const { lines, problems: found } = await expandSource(name, text, load);
  const problems: KickstartProblem[] = [...found];
  const commands: KickstartCommand[] = [];
  const sections: KickstartSection[] = [];
  const report = (
    severity: 'error' | 'warning',
    { file, line }: { file: string; line: number },
    message: string,
  ): void => {
    problems.push({ severity, file, line, message });
  };

  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at];
    if (line === undefined || isEmpty(line.text)) continue;
    const words = wordsOf(line, report);
    const [first, ...args] = words;
    if (first === undefined) continue;
    if (!first.startsWith('%')) {
      const command = parseCommand(first, args, line, report);
      if (command !== undefined) commands.push(command);
      continue;
    }
    if (first === '%end') {
      report('error', line, '%end without a section before it');
      continue;
    }
    const end = endOf(lines, at + 1);
    const section = parseSection(first, args, line, lines.slice(at + 1, end.line), report);
    if (section !== undefined) sections.push(section);
    if (!end.isClosed) report('error', line, `${first} is not closed by %end`);
    at = end.isClosed ? end.line : end.line - 1;
  }
  for (const problem of wholeFile(commands)) problems.push(problem);
  return { commands, sections, problems };
}

type ReportLine = (
  severity: 'error' | 'warning',
  place: { file: string; line: number },
  message: string,
) => void;

function isEmpty(text: string): boolean {
  return /^\s*(?:#.*)?$/.test(text);
}

function wordsOf(line: SourceLine, report: ReportLine): readonly string[] {
  const split = splitWords(line.text);
  if (split.kind === 'words') return split.words;
  report('error', line, split.message);
  return [];
}

function parseCommand(
  name: string,
  args: readonly string[],
  line: SourceLine,
  report: ReportLine,
): KickstartCommand | undefined {
  const definition = COMMANDS.get(name);
  if (definition === undefined) {
    const near = nearMiss(name, [...COMMANDS.keys()]);
    report(
      'error',
      line,
      `there is no command '${name}'${near === undefined ? '' : `, did you mean '${near}'?`}`,
    );
    return undefined;
  }
  if (definition.status === 'removed') {
    report('error', line, `${name}: the command was removed from kickstart, leave the line out`);
    return undefined;
  }
  if (definition.status === 'deprecated') report('warning', line, `${name}: the command is deprecated`);
  return finish(definition, args, line, report);
}

function finish(
  definition: CommandDefinition,
  args: readonly string[],
  { file, line }: SourceLine,
  report: ReportLine,
): KickstartCommand | undefined {
  const { name } = definition;
  const { words, options, errors, warnings } = parseOptions(definition, args);
  for (const message of errors) report('error', { file, line }, `${name}: ${message}`);
  for (const message of warnings) report('warning', { file, line }, `${name}: ${message}`);
  return errors.length > 0 ? undefined : { name, definition, words, options, file, line };
}

/** The line of %end, or the one where a section that was not closed stops: the next section, or the end. */
function endOf(
  lines: readonly SourceLine[],
  start: number,
): { readonly line: number; readonly isClosed: boolean } {
  for (let at = start; at < lines.length; at += 1) {
    const text = lines[at]?.text ?? '';
    const word = /^\s*(?<word>%[\w-]+)/.exec(text)?.groups?.['word'] ?? '';
    if (word === '%end') return { line: at, isClosed: true };
    if (SECTIONS.has(word)) return { line: at, isClosed: false };
  }
  return { line: lines.length, isClosed: false };
}

function parseSection(
  name: string,
  args: readonly string[],
  line: SourceLine,
  body: readonly SourceLine[],
  report: ReportLine,
): KickstartSection | undefined {
  const definition = SECTIONS.get(name);
  if (definition === undefined) {
    const near = nearMiss(name, [...SECTIONS.keys()]);
    report(
      'error',
      line,
      `there is no section '${name}'${near === undefined ? '' : `, did you mean '${near}'?`}`,
    );
    return undefined;
  }
  if (name === '%pre' && line.isIncluded) {
    report('warning', line, '%pre comes too late through %include, it never runs; use %ksappend');
  }
  const head = finish(definition, args, line, report);
  if (head === undefined) return undefined;
  return { ...head, body: body.map(({ text }) => `${text}\n`).join('') };
}

/** What only all commands together show. */
function wholeFile(commands: readonly KickstartCommand[]): readonly KickstartProblem[] {
  const problems: KickstartProblem[] = [];
  for (const [name, others] of CONFLICTS) {
    const own = commands.find((each) => each.name === name);
    const other = commands.find((each) => others.includes(each.name));
    if (own === undefined || other === undefined) continue;
    const [first, last] = own.line > other.line && own.file === other.file ? [other, own] : [own, other];
    problems.push({
      severity: 'error',
      file: last.file,
      line: last.line,
      message: `${last.name}: cannot be used together with ${first.name} in line ${first.line}`,
    });
  }
  const once = new Map<string, KickstartCommand>();
  for (const command of commands) {
    const before = once.get(command.name);
    if (before !== undefined && !command.definition.isRepeatable) {
      problems.push({
        severity: 'warning',
        file: before.file,
        line: before.line,
        message: `${command.name}: has no effect, line ${command.line} says it again`,
      });
    }
    once.set(command.name, command);
  }
  problems.push(...twice(commands, ['user', 'group'], (each) => each.options.get('name')));
  problems.push(...twice(commands, ['volgroup'], (each) => each.words[0]));
  problems.push(
    ...twice(commands, ['part', 'partition', 'logvol', 'raid', 'mount'], (each) => mountpointOf(each)),
  );
  return problems;
}

function mountpointOf({ name, words }: KickstartCommand): string | undefined {
  const word = name === 'mount' ? words[1] : words[0];
  return word?.startsWith('/') === true ? word : undefined;
}

function twice(
  commands: readonly KickstartCommand[],
  names: readonly string[],
  key: (command: KickstartCommand) => OptionSetting | undefined,
): readonly KickstartProblem[] {
  const seen = new Map<string, number>();
  return commands
    .filter(({ name }) => names.includes(name))
    .flatMap((command): readonly KickstartProblem[] => {
      const { file, line, name } = command;
      const text = key(command);
      if (typeof text !== 'string') return [];
      const before = seen.get(text);
      seen.set(text, line);
      if (before === undefined) return [];
      return [
        {
          severity: 'warning',
          file,
          line,
          message: `${name}: '${text}' is described in line ${before} already`,
        },
      ];
    });
}
