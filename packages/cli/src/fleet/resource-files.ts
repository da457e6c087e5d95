import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { messageOf, SlipwayError } from '@slipway/core';
import { isResourceFile, parseResources } from '@slipway/fleet';
import { parseAllDocuments } from 'yaml';
import { type KindVerbs, verbsOf } from './kinds.ts';

/** A resource of a file. What is right in it the server says. */
export interface FileResource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

export interface Applicable {
  readonly resource: FileResource;
  readonly verbs: KindVerbs & { readonly put: NonNullable<KindVerbs['put']> };
}

/** Reads every document of a file, or of the files of a directory, before the first is sent anywhere. */
export async function readResources(path: string): Promise<readonly Applicable[]> {
  if (path !== '-' && (await stat(path).catch(() => undefined))?.isDirectory() === true)
    return await readDirectory(path);
  const documents = parseAllDocuments(path === '-' ? await text(process.stdin) : await read(path));
  const resources: Applicable[] = [];
  for (const [index, document] of (Array.isArray(documents) ? documents : []).entries()) {
    const [error] = document.errors;
    if (error !== undefined) throw invalid(path, index, error.message.split('\n')[0] ?? '');
    const resource: unknown = document.toJS();
    if (resource === null) continue;
    if (!isResource(resource)) throw invalid(path, index, 'it has no kind, metadata.name and spec');
    resources.push(applicable(resource, path, index));
  }
  if (resources.length > 0) return resources;
  throw empty(path);
}

/** The files a server reads that follows this directory in git, in the order in which they can be applied. */
async function readDirectory(directory: string): Promise<readonly Applicable[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter(isResourceFile)
    .toSorted();
  const files = await Promise.all(
    names.map(async (name) => ({ name, text: await read(join(directory, name)) })),
  );
  const { resources, problems } = parseResources(files);
  if (problems.length > 0) {
    throw new SlipwayError('FLEET_REQUEST_INVALID', `cannot use ${directory}: its files have mistakes`, {
      findings: problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`),
    });
  }
  if (resources.length === 0) throw empty(directory);
  return resources.map(({ resource }) => applicable(resource, directory, 0));
}

function applicable(resource: FileResource, path: string, index: number): Applicable {
  const { put, ...verbs } = verbsOf(resource.kind);
  if (put === undefined) throw invalid(path, index, `a ${resource.kind} is not made by a file`);
  return { resource, verbs: { ...verbs, put } };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SlipwayError('FLEET_REQUEST_INVALID', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

function isResource(value: unknown): value is FileResource {
  const { kind, metadata, spec } = value as Partial<FileResource>;
  return typeof kind === 'string' && typeof metadata?.name === 'string' && typeof spec === 'object';
}

function empty(path: string): SlipwayError {
  return new SlipwayError('FLEET_REQUEST_INVALID', `cannot use ${path}: there is no resource in it`);
}

function invalid(path: string, index: number, problem: string): SlipwayError {
  return new SlipwayError(
    'FLEET_REQUEST_INVALID',
    `cannot use document ${index + 1} of ${path}: ${problem}`,
    {
      hint: 'a resource has apiVersion: slipway/v1, kind, metadata.name and spec',
    },
  );
}
