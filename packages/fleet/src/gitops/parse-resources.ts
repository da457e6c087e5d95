import {
  type DeviceInput,
  deviceInputSchema,
  type FleetInput,
  fleetInputSchema,
  type PolicyInput,
  policyInputSchema,
  type ReleaseInput,
  type RoleInput,
  releaseInputSchema,
  roleInputSchema,
} from '@slipway/fleet-api';
import { type Document, LineCounter, parseAllDocuments } from 'yaml';

/** What may stand in a file, and in the order it is applied: what others name comes first. */
const SCHEMAS = {
  Role: roleInputSchema,
  Policy: policyInputSchema,
  Release: releaseInputSchema,
  Fleet: fleetInputSchema,
  Device: deviceInputSchema,
};

/** Whether a file of a repository holds resources, by its path in it: hidden files and folders hold none. */
export function isResourceFile(path: string): boolean {
  return /\.(?:ya?ml|json)$/.test(path) && !/(?:^|\/)\./.test(path);
}

/** A resource as a file has it. */
export type ResourceDocument = RoleInput | PolicyInput | ReleaseInput | FleetInput | DeviceInput;

/** Where something is in a file; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface PlacedResource extends Place {
  readonly resource: ResourceDocument;
}

/** Something wrong with a file. */
export interface ResourceProblem extends Place {
  readonly message: string;
}

export interface ParsedResources {
  readonly resources: readonly PlacedResource[];
  readonly problems: readonly ResourceProblem[];
}

/** Files larger than this are refused unread. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const MAX_DOCUMENTS = 10_000;
/** Of one document: a wrong file shall not bury the console. */
const MAX_PROBLEMS = 100;

/**
 * Reads resources of files: YAML of one or more documents, or JSON, which is YAML. Everything wrong is found at once, and where it is;
 * nothing of it is thrown. Resources are in the order in which they can be applied.
 */
export function parseResources(
  files: readonly { readonly name: string; readonly text: string }[],
): ParsedResources {
  const parsed = files.map(({ name, text }) => parseFile(name, text));
  const order = Object.keys(SCHEMAS);
  const resources = parsed
    .flatMap((file) => file.resources)
    .sort((a, b) => order.indexOf(a.resource.kind) - order.indexOf(b.resource.kind));
  return { resources, problems: [...parsed.flatMap(({ problems }) => problems), ...doubles(resources)] };
}

function parseFile(file: string, text: string): ParsedResources {
  if (text.length > MAX_CHARACTERS) {
    return {
      resources: [],
      problems: [
        { file, line: 1, column: 1, message: `the file has more than ${MAX_CHARACTERS} characters` },
      ],
    };
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    version: '1.2',
  });
  if (!Array.isArray(documents)) return { resources: [], problems: [] };
  if (documents.length > MAX_DOCUMENTS) {
    return {
      resources: [],
      problems: [{ file, line: 1, column: 1, message: `the file has more than ${MAX_DOCUMENTS} documents` }],
    };
  }
  const resources: PlacedResource[] = [];
  const problems: ResourceProblem[] = [];
  for (const document of documents) {
    const outcome = parseDocument(document, (offset) => placeAt(file, lines, offset));
    resources.push(...outcome.resources);
    problems.push(...outcome.problems);
  }
  return { resources, problems };
}

function placeAt(file: string, lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

function parseDocument(document: Document, place: (offset: number) => Place): ParsedResources {
  const problem = (offset: number, message: string): ParsedResources => ({
    resources: [],
    problems: [{ ...place(offset), message }],
  });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => ({
      ...place(pos[0]),
      message: message.split('\n')[0] ?? message,
    }));
    return { resources: [], problems };
  }
  if (document.contents === null) return { resources: [], problems: [] };
  let value: unknown;
  try {
    // Aliases of aliases of aliases make a gigabyte of a line.
    value = document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    return problem(0, error instanceof Error ? error.message : 'the document does not parse');
  }
  if (value === null) return { resources: [], problems: [] };
  const start = document.contents.range?.[0] ?? 0;
  const kind = (value as { readonly kind?: unknown }).kind;
  if (typeof kind !== 'string' || !isKind(kind)) {
    return problem(
      offsetOf(document, ['kind']) ?? start,
      `kind must be one of ${Object.keys(SCHEMAS).join(', ')}`,
    );
  }
  const result = SCHEMAS[kind].safeParse(value);
  if (result.success) return { resources: [{ ...place(start), resource: result.data }], problems: [] };
  const problems = result.error.issues.slice(0, MAX_PROBLEMS).map(({ path, message }) => ({
    ...place(offsetOf(document, path) ?? start),
    message: path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`,
  }));
  return { resources: [], problems };
}

function isKind(kind: string): kind is keyof typeof SCHEMAS {
  return Object.hasOwn(SCHEMAS, kind);
}

/** Where the nearest part of a path is that exists: what is missing is missing from what holds it. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = (node as { readonly range?: readonly number[] } | null | undefined)?.range;
    if (range !== undefined) return range[0];
  }
  return undefined;
}

/** The same resource in two places is a mistake, whatever they say. */
function doubles(resources: readonly PlacedResource[]): readonly ResourceProblem[] {
  const first = new Map<string, PlacedResource>();
  const problems: ResourceProblem[] = [];
  for (const placed of resources) {
    const { kind, metadata } = placed.resource;
    const known = first.get(`${kind}/${metadata.name}`);
    if (known === undefined) first.set(`${kind}/${metadata.name}`, placed);
    else {
      const { file, line, column } = placed;
      problems.push({
        file,
        line,
        column,
        message: `${kind} ${metadata.name} is in ${known.file}, line ${known.line}, too`,
      });
    }
  }
  return problems;
}
