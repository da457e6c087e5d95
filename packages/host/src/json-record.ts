/** JSON objects kept on the disk of a host, read without trusting them. */
import { readFile } from 'node:fs/promises';
import { errnoOf, SlipwayError } from '@slipway/core';
import { jsonSum, withJsonSum } from './json-sum.ts';

/** A JSON object whose fields are still anything. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** Larger files are damaged: a record of a host has a few kilobytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The text of a file for a record, with a sum that shows whether it stays as it is. */
export function formatJsonRecord(record: object, style: 'line' | 'indented' = 'line'): string {
  return `${withJsonSum(JSON.stringify(record, undefined, style === 'line' ? undefined : 2))}\n`;
}

/** The object a text holds; undefined when it holds none, or has a sum that is not its own. */
export function parseJsonRecord(text: string): JsonRecord | undefined {
  if (jsonSum(text.replace(/\n$/, '')) === 'wrong') return undefined;
  try {
    return asJsonRecord(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The value as an object; undefined for anything else. */
export function asJsonRecord(value: unknown): JsonRecord | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonRecord)
    : undefined;
}

/**
 * Reads a record from a file; undefined when there is no file.
 *
 * @param check turns the fields into the record; undefined when they are not one
 * @throws SlipwayError STATE_INVALID when the file is not such a record
 */
export async function readJsonRecord<T>(
  path: string,
  check: (record: JsonRecord) => T | undefined,
): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
  const record = text.length > MAX_BYTES ? undefined : parseJsonRecord(text);
  const checked = record === undefined ? undefined : check(record);
  if (checked !== undefined) return checked;
  throw new SlipwayError('STATE_INVALID', `cannot read ${path}: it is damaged`, { details: { path } });
}
