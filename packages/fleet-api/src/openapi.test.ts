import { expect, test } from 'vitest';
import { openApiDocument } from './openapi.ts';
import { allRoutes } from './routes/table.ts';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

const document = openApiDocument() as unknown as Document;

test('every route is in the document, and nothing else', () => {
  const documented = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  expect(documented.toSorted()).toEqual(
    allRoutes()
      .map(({ id }) => id)
      .toSorted(),
  );
});

test('every reference leads to a schema', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"(?<target>[^"]+)"/g)].map(
    (match) => match.groups?.['target'],
  );
  expect(references.length).toBeGreaterThan(50);
  const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect(references.filter((reference) => !known.includes(reference ?? ''))).toEqual([]);
});

test('a device tells its name and nothing of it is optional', () => {
  expect(document.components.schemas['Device']).toMatchObject({
    required: ['apiVersion', 'kind', 'metadata', 'spec', 'status'],
  });
});
