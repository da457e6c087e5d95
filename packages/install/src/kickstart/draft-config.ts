import { type ConfigProblem, type FieldPath, fieldName } from '../config/position.ts';
import type { KickstartCommand } from './parser.ts';
import type { KickstartProblem } from './source.ts';

/** The parts of a configuration under construction; lists are added to in the order of the file. */
type Draft = Record<string, unknown>;

/**
 * Builds a configuration from commands and remembers which command each field came from, so that whatever is found wrong with
 * the field later can be told with file and line.
 */
export class ConfigDraft {
  readonly customizations: Draft = {};
  readonly #origins = new Map<string, KickstartCommand>();
  readonly #problems: KickstartProblem[] = [];
  readonly #fallback: string;

  /** @param file where problems are that belong to no command */
  constructor(file: string) {
    this.#fallback = file;
  }

  get problems(): readonly KickstartProblem[] {
    return this.#problems;
  }

  /** Sets a field of a table: `set(command, 'timezone', 'timezone', 'UTC')`. */
  set(command: KickstartCommand, table: string, field: string, value: unknown): void {
    if (value === undefined) return;
    this.#table(table)[field] = value;
    this.#note([table, field], command);
  }

  /** Sets a field at the top. */
  setTop(command: KickstartCommand, field: string, value: unknown): void {
    this.customizations[field] = value;
    this.#note([field], command);
  }

  /** Adds to a list: of the top (`user`), or of a table (`timezone`, `ntpservers`). */
  add(
    command: KickstartCommand,
    path: readonly [string] | readonly [string, string],
    ...values: readonly unknown[]
  ): void {
    const [first, second] = path;
    const holder = second === undefined ? this.customizations : this.#table(first);
    const name = second ?? first;
    const list = (holder[name] ?? []) as unknown[];
    holder[name] = list;
    this.#note(path, command);
    for (const value of values) this.#note([...path, list.push(value) - 1], command);
  }

  /** How many elements a list of a table has so far. */
  lengthOf(table: string, field: string): number {
    const list = this.#table(table)[field];
    return Array.isArray(list) ? list.length : 0;
  }

  /** Adds words to the kernel command line. */
  appendKernel(command: KickstartCommand, words: string): void {
    const before = this.#table('kernel')['append'];
    this.set(command, 'kernel', 'append', typeof before === 'string' ? `${before} ${words}` : words);
  }

  error({ file, line }: { readonly file: string; readonly line: number }, message: string): void {
    this.#problems.push({ severity: 'error', file, line, message });
  }

  warn({ file, line }: { readonly file: string; readonly line: number }, message: string): void {
    this.#problems.push({ severity: 'warning', file, line, message });
  }

  /** The place of a field of the configuration in the kickstart file. */
  locate(path: FieldPath, message: string): ConfigProblem & { readonly file: string } {
    const own = path[0] === 'customizations' ? path.slice(1) : path;
    for (let length = own.length; length > 0; length -= 1) {
      const origin = this.#origins.get(keyOf(own.slice(0, length)));
      if (origin !== undefined)
        return {
          file: origin.file,
          line: origin.line,
          column: 1,
          field: origin.name,
          message: `${fieldName(own)} ${message}`,
        };
    }
    return { file: this.#fallback, line: 1, column: 1, field: fieldName(own), message };
  }

  #table(name: string): Draft {
    const table = (this.customizations[name] ?? {}) as Draft;
    this.customizations[name] = table;
    return table;
  }

  /** Says that a field came from another command than what is around it. */
  came(command: KickstartCommand, path: FieldPath): void {
    this.#note(path, command);
  }

  #note(path: FieldPath, command: KickstartCommand): void {
    this.#origins.set(keyOf(path), command);
  }
}

function keyOf(path: FieldPath): string {
  return path.join('\0');
}
