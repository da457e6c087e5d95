import { parse, TomlError } from 'smol-toml';
import type * as z from 'zod';
import { checkConfig } from './check-config.ts';
import { readJson } from './json-document.ts';
import { configJsonSchema, type JsonSchema, knownKeys } from './json-schema.ts';
import { nearMiss } from './near-miss.ts';
import {
  type ConfigProblem,
  type FieldPath,
  type FieldProblem,
  fieldName,
  type PositionIndex,
} from './position.ts';
import { configSchema } from './schema/config.ts';
import { tomlPositions } from './toml-positions.ts';
import type { ImageConfig } from './types.ts';

/** What a configuration is for: a disk that is written here, or an installer on a machine with its own disks. */
export type ConfigTarget = 'disk' | 'installer';

/** A configuration, or everything that is wrong with it, in the order of the text. */
export type ParsedConfig =
  | { readonly kind: 'config'; readonly config: ImageConfig; readonly where: FieldLocator }
  | { readonly kind: 'problems'; readonly problems: readonly ConfigProblem[] };

/** Makes a problem of a field: with its name and its place in the text. */
export type FieldLocator = (path: FieldPath, message: string) => ConfigProblem;

/** Far more than anybody writes by hand, files and all. */
export const MAX_CONFIG_BYTES: number = 16 * 1024 * 1024;

/**
 * Reads a configuration in TOML or JSON and checks all of it: form, values, and whether `target` can do what it asks.
 *
 * Nothing is thrown for a bad text; every problem is in the answer.
 */
export function parseConfig(text: string, format: 'toml' | 'json', target: ConfigTarget): ParsedConfig {
  if (text.length > MAX_CONFIG_BYTES)
    return syntaxProblem(1, 1, `it is larger than ${MAX_CONFIG_BYTES} bytes`);
  const document = format === 'json' ? readJson(text) : readToml(text);
  if (document.kind === 'error') {
    return syntaxProblem(document.position.line, document.position.column, document.message);
  }
  const { positions } = document;
  // Older files wrap everything in a table.
  const isWrapped = isTable(document.value) && Object.keys(document.value).join() === 'blueprint';
  const prefix: FieldPath = isWrapped ? ['blueprint'] : [];
  const where: FieldLocator = (path, message) => {
    return { ...positions.find([...prefix, ...path]), field: fieldName(path), message };
  };
  const value: unknown = isWrapped ? document.value['blueprint'] : document.value;

  const checked = configSchema.safeParse(value);
  if (!checked.success) {
    return inOrder(problemsOf(checked.error.issues, value).map(({ path, message }) => where(path, message)));
  }
  const problems = checkConfig(checked.data, target);
  if (problems.length > 0) return inOrder(problems.map(({ path, message }) => where(path, message)));
  return { kind: 'config', config: checked.data, where };
}

type TomlDocument =
  | { readonly kind: 'value'; readonly value: unknown; readonly positions: PositionIndex }
  | { readonly kind: 'error'; readonly position: { line: number; column: number }; readonly message: string };

function readToml(text: string): TomlDocument {
  try {
    return { kind: 'value', value: parse(text), positions: tomlPositions(text) };
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const message = thrown.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
    return { kind: 'error', position: { line: thrown.line, column: thrown.column }, message };
  }
}

/** What is wrong with the form of a configuration that was not written by hand. */
export function formProblems(config: unknown): readonly FieldProblem[] {
  const checked = configSchema.safeParse(config);
  return checked.success ? [] : problemsOf(checked.error.issues, config);
}

function problemsOf(issues: readonly z.core.$ZodIssue[], value: unknown): readonly FieldProblem[] {
  const schema = configJsonSchema();
  return issues.flatMap((issue): readonly FieldProblem[] => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: unknownKey(key, knownKeys(path, schema)),
      }));
    }
    return [{ path, message: wordsOf(issue, valueAt(value, path)) }];
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearMiss(key, known);
  return meant === undefined
    ? `there is no field '${key}' here`
    : `there is no field '${key}' here, did you mean '${meant}'?`;
}

const KIND_WORDS: Readonly<Record<string, string | undefined>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a table',
};

function wordsOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_type') {
    const wanted = KIND_WORDS[issue.expected] ?? issue.expected;
    return value === undefined ? `is missing; it must be ${wanted}` : `must be ${wanted}`;
  }
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const meant = typeof value === 'string' ? nearMiss(value, values) : undefined;
    const words = `must be one of ${values.join(', ')}`;
    return meant === undefined ? words : `${words}; did you mean '${meant}'?`;
  }
  if (issue.code === 'invalid_union' && value === undefined) return 'is missing';
  if (issue.code === 'too_small')
    return `must be at least ${String(issue.minimum)}${issue.origin === 'array' ? ' elements' : ''}`;
  if (issue.code === 'too_big')
    return issue.message.startsWith('must') ? issue.message : `must be at most ${String(issue.maximum)}`;
  return issue.message;
}

function valueAt(value: unknown, path: FieldPath): unknown {
  let at = value;
  for (const part of path) at = typeof at === 'object' && at !== null ? (at as JsonSchema)[part] : undefined;
  return at;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function syntaxProblem(line: number, column: number, message: string): ParsedConfig {
  return { kind: 'problems', problems: [{ line, column, field: 'the file', message }] };
}

function inOrder(problems: readonly ConfigProblem[]): ParsedConfig {
  return { kind: 'problems', problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}
