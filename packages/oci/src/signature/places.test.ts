import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { parseReference, type RegistryReference } from '../reference.ts';
import { readLookaside } from './lookaside.ts';
import { loadRegistriesD, placesFor } from './registries-d.ts';

const DIGEST = digestOf(Buffer.from('a manifest'));

function named(text: string): RegistryReference {
  const reference = parseReference(text);
  if (reference.kind !== 'registry') throw new Error('not in a registry');
  return reference;
}

describe('registries.d', () => {
  test('says each thing by the most exact scope that says it', async () => {
    await using dir = await makeTempDir('registries-d');
    await writeFile(
      join(dir.path, 'default.yaml'),
      'default-docker:\n  sigstore: file:///var/lib/old\n  use-sigstore-attachments: false\n',
    );
    await writeFile(
      join(dir.path, 'shop.yaml'),
      'docker:\n  registry.example:\n    lookaside: https://signatures.example\n  registry.example/shop:\n    use-sigstore-attachments: true\n',
    );
    await writeFile(join(dir.path, 'not-this.txt'), 'nonsense: [');
    const configured = await loadRegistriesD([join(dir.path, 'absent'), dir.path]);
    expect(placesFor(configured, named('other.example/os:v1'))).toEqual({
      lookaside: 'file:///var/lib/old',
      useSigstoreAttachments: false,
    });
    expect(placesFor(configured, named('registry.example/shop/web:v1'))).toEqual({
      lookaside: 'https://signatures.example',
      useSigstoreAttachments: true,
    });
  });

  test.each([
    [
      'twice the same scope',
      'docker:\n  a.example:\n    lookaside: file:///a\n',
      'docker:\n  a.example: {}\n',
    ],
    ['twice the default', 'default-docker: {}\n', 'default-docker: {}\n'],
    ['no YAML', 'docker: [', ''],
    ['a place that is no address', 'default-docker:\n  lookaside: /var/lib\n', ''],
    ['a word for true', 'default-docker:\n  use-sigstore-attachments: perhaps\n', ''],
  ])('with %s is refused', async (_what, first, second) => {
    await using dir = await makeTempDir('registries-d');
    await writeFile(join(dir.path, 'a.yaml'), first);
    await writeFile(join(dir.path, 'b.yaml'), second);
    const thrown: unknown = await loadRegistriesD([dir.path]).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'SIGNATURE_POLICY_INVALID')).toBe(true);
  });
});

describe('simple signatures', () => {
  const path = `/os/web@${DIGEST.replace(':', '=')}`;

  test('are read one by one from a directory', async () => {
    await using dir = await makeTempDir('lookaside');
    await mkdir(join(dir.path, path), { recursive: true });
    for (const number of [1, 2, 4])
      await writeFile(join(dir.path, path, `signature-${number}`), String(number));
    const found = await readLookaside(`file://${dir.path}`, named('registry.example/os/web:v1'), DIGEST);
    expect(found.map((bytes) => Buffer.from(bytes).toString())).toEqual(['1', '2']);
  });

  test('and from a web server, whose failure is not the absence of a signature', async () => {
    await using resources = new AsyncDisposableStack();
    const server = createServer((request, response) => {
      const name = request.url?.slice(path.length + 1);
      if (request.url?.startsWith('/broken/') === true) response.statusCode = 500;
      else if (name !== 'signature-1') response.statusCode = 404;
      response.end('signed');
    });
    resources.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const place = `http://127.0.0.1:${port}`;
    const reference = named('registry.example/os/web:v1');
    expect(await readLookaside(place, reference, DIGEST)).toHaveLength(1);
    const thrown: unknown = await readLookaside(`${place}/broken/`, reference, DIGEST).catch(
      (error: unknown) => error,
    );
    expect(isSlipwayError(thrown, 'OCI_REGISTRY_FAILED')).toBe(true);
  });
});
