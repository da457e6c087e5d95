import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf, SlipwayError } from '@slipway/core';
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

/** Reads every document of a file before the first is sent anywhere. */
export async function readResources(path: string): Promise<readonly Applicable[]> {
  const documents = parseAllDocuments(path === '-' ? await text(process.stdin) : await read(path));
  const resources: Applicable[] = [];
  for (const [index, document] of (Array.isArray(documents) ? documents : []).entries()) {
    const [error] = document.errors;
    if (error !== undefined) throw invalid(path, index, error.message.split('\n')[0] ?? '');
    const resource: unknown = document.toJS();
    if (resource === null) continue;
    if (!isResource(resource)) throw invalid(path, index, 'it has no kind, metadata.name and spec');
    const verbs = verbsOf(resource.kind);
    if (verbs.put === undefined) throw invalid(path, index, `a ${resource.kind} is not made by a file`);
    resources.push({ resource, verbs: { ...verbs, put: verbs.put } });
  }
  if (resources.length > 0) return resources;
  throw new SlipwayError('FLEET_REQUEST_INVALID', `cannot use ${path}: there is no resource in it`);
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

function invalid(path: string, index: number, problem: string): SlipwayError {
  return new SlipwayError(
    'FLEET_REQUEST_INVALID',
    `cannot use document ${index + 1} of ${path}: ${problem}`,
    {
      hint: 'a resource has apiVersion: slipway/v1, kind, metadata.name and spec',
    },
  );
}
