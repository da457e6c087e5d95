import * as z from 'zod';
import { configSchema } from './schema/config.ts';

/** A JSON Schema as data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema (draft 2020-12) of a configuration file, for editors and other programs. */
export function configJsonSchema(): JsonSchema {
  const generated = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  return {
    ...generated,
    title: 'Slipway configuration',
    description:
      'What a disk image or an installation becomes; a bootc-image-builder configuration is one too.',
  };
}

/** The keys a table may have at a place of a document; none where anything goes or nothing is known. */
export function knownKeys(path: readonly (string | number)[], schema: JsonSchema): readonly string[] {
  let at: unknown = schema;
  for (const part of path)
    at = typeof part === 'number' ? field(at, 'items') : field(field(at, 'properties'), part);
  return Object.keys(field(at, 'properties') ?? {});
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as JsonSchema)[name] : undefined;
}
