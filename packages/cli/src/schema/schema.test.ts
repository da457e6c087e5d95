import { startTask } from '@slipway/core';
import { statusOfNoHost } from '@slipway/host';
import { describe, expect, test } from 'vitest';
import { bootcProgress } from '../progress/bootc-lines.ts';
import { HOST } from '../render/status-sample.fixture.ts';
import { HOST_SCHEMA } from './host.ts';
import { type JsonSchema, PROGRESS_SCHEMA } from './progress.ts';

type Json = Readonly<Record<string, unknown>>;

/** What does not fit; a field the schema does not know counts, so that none is added without it. */
function misfits(value: unknown, schema: JsonSchema, root: JsonSchema, path = '$'): readonly string[] {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.replace('#/$defs/', '');
    return misfits(value, ((root['$defs'] ?? {}) as Readonly<Record<string, Json>>)[name] ?? {}, root, path);
  }
  for (const choice of ['anyOf', 'oneOf']) {
    const variants = schema[choice] as readonly Json[] | undefined;
    if (variants === undefined) continue;
    const found = variants.map((each) => misfits(value, each, root, path));
    return found.some((each) => each.length === 0) ? [] : found.flat();
  }
  if ('const' in schema) return value === schema['const'] ? [] : [`${path}: not ${String(schema['const'])}`];
  const allowed = schema['enum'] as readonly unknown[] | undefined;
  if (allowed !== undefined) return allowed.includes(value) ? [] : [`${path}: not one of the list`];
  return ofType(value, schema, root, path);
}

function ofType(value: unknown, schema: JsonSchema, root: JsonSchema, path: string): readonly string[] {
  if (schema['type'] === 'array') {
    if (!Array.isArray(value)) return [`${path}: no array`];
    return value.flatMap((each, index) =>
      misfits(each, (schema['items'] ?? {}) as Json, root, `${path}[${index}]`),
    );
  }
  if (schema['type'] === 'object') return ofObject(value, schema, root, path);
  if (schema['type'] === 'null') return value === null ? [] : [`${path}: not null`];
  if (schema['type'] === 'integer') return Number.isInteger(value) ? [] : [`${path}: no integer`];
  return typeof value === schema['type'] ? [] : [`${path}: no ${String(schema['type'])}`];
}

function ofObject(value: unknown, schema: JsonSchema, root: JsonSchema, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return [`${path}: no object`];
  const properties = schema['properties'] as Readonly<Record<string, Json>>;
  const missing = (schema['required'] as readonly string[]).filter((name) => !(name in value));

  return [
    ...missing.map((name) => `${path}.${name}: missing`),
    ...Object.entries(value).flatMap(([name, field]) => {
      const known = properties[name];
      if (known !== undefined) return misfits(field, known, root, `${path}.${name}`);
      return path.includes('.history[') ? [] : [`${path}.${name}: not in the schema`];
    }),
  ];
}

describe('status', () => {
  test.each([
    ['a host with everything', HOST],
    ['no host', statusOfNoHost()],
  ])('%s fits its schema', (_name, document) => {
    expect(misfits(document, HOST_SCHEMA, HOST_SCHEMA)).toEqual([]);
  });

  test('what does not fit is found', () => {
    const { slipway: _left, ...bare } = HOST;
    expect(misfits(bare, HOST_SCHEMA, HOST_SCHEMA)).toEqual(['$.slipway: missing']);
    expect(misfits({ ...HOST, more: 1 }, HOST_SCHEMA, HOST_SCHEMA)).toEqual(['$.more: not in the schema']);
  });
});

test('every line of --progress-fd fits its schema', () => {
  const lines: string[] = [];
  const sink = bootcProgress((line) => lines.push(line), { nowMs: () => 0 });
  for (const unit of ['bytes', 'steps'] as const) {
    const task = startTask(sink, `count ${unit}`, unit, 10);
    task.advance(5);
    task.end();
  }
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) expect(misfits(JSON.parse(line), PROGRESS_SCHEMA, PROGRESS_SCHEMA)).toEqual([]);
});
