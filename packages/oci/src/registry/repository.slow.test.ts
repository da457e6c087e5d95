/** Lists and deletions against answers of all kinds; against real registries they are tested in tests/registry-server.test.ts. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectBytes, SlipwayError } from '@slipway/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { MEDIA_TYPES } from '../manifest.ts';
import { parseReference } from '../reference.ts';
import { NO_CREDENTIALS } from './credentials.ts';
import { listRepositories, openRepository, type Repository } from './repository.ts';
import type { RegistryOptions } from './source.ts';
import { registryTarget } from './target.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const QUICK: RegistryOptions = {
  retry: { attempts: 2, baseMs: 1, maxMs: 2 },
  credentials: NO_CREDENTIALS,
  registries: [],
  certificateDirectories: [],
  plainHttp: true,
};
const SUBJECT = digestOf(Buffer.from('subject'));
const FALLBACK = `/v2/os/manifests/${SUBJECT.replace(':', '-')}`;

const answers = new Map<string, Answer>();
const seen: string[] = [];
const server = createServer((request, response) => {
  const line = `${request.method} ${request.url}`;
  seen.push(line);
  const answer = answers.get(line);
  if (answer === undefined) response.writeHead(404).end('404 page not found\n');
  else answer(request, response);
});
let host: string;
let repository: Repository;

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  repository = await openRepository({ registry: host, repository: 'os' }, QUICK);
});

afterAll(async () => {
  await repository[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  answers.clear();
  seen.length = 0;
});

function json(body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_, response) => {
    response.writeHead(200, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('lists of names', () => {
  test('pages are followed, however their links are written', async () => {
    const links = [
      '</v2/os/tags/list?last=a&n=1>; rel="next"',
      `<http://${host}/v2/os/tags/list?last=b>; rel=next`,
    ];
    answers.set('GET /v2/os/tags/list', json({ tags: ['a'] }, { link: links[0] ?? '' }));
    answers.set('GET /v2/os/tags/list?last=a&n=1', json({ tags: ['b'] }, { link: links[1] ?? '' }));
    answers.set('GET /v2/os/tags/list?last=b', json({ tags: ['c'] }, { link: '</v2/>; rel="prev"' }));
    expect(await all(repository.tags())).toEqual(['a', 'b', 'c']);
  });

  test('Go writes an empty list as null', async () => {
    answers.set('GET /v2/os/tags/list', json({ name: 'os', tags: null }));
    expect(await all(repository.tags())).toEqual([]);
  });

  test.each([
    ['not JSON', '<html>'],
    ['no list', { name: 'os' }],
    ['null', 'null'],
    ['no tags', { tags: ['fine', '../../etc'] }],
    ['escape sequences', { tags: ['\u001b[2J'] }],
  ])('%s is refused', async (_, body) => {
    answers.set('GET /v2/os/tags/list', json(body));
    await expect(all(repository.tags())).rejects.toMatchObject({
      code: 'OCI_REGISTRY_FAILED',
      message: `cannot list the tags of ${host}/os: it is not a list of names`,
    });
  });

  test('a registry that always says there is more', async () => {
    answers.set('GET /v2/os/tags/list', json({ tags: [] }, { link: '</v2/os/tags/list>; rel="next"' }));
    await expect(all(repository.tags())).rejects.toMatchObject({
      message: expect.stringContaining('2000 pages'),
    });
  });

  test('repositories', async () => {
    answers.set('GET /v2/_catalog', json({ repositories: ['a/b', 'c'] }));
    expect(await all(listRepositories(host, QUICK))).toEqual(['a/b', 'c']);
    answers.delete('GET /v2/_catalog');
    await expect(all(listRepositories(host, QUICK))).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });
});

describe('referrers', () => {
  const entry = (type: string): object => ({
    mediaType: MEDIA_TYPES.manifest,
    digest: digestOf(Buffer.from(type)),
    size: 3,
    artifactType: type,
    annotations: { a: 'b' },
  });
  const index = (...types: string[]): object => ({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: types.map(entry),
  });

  test('from the registry, filtered here where it does not filter', async () => {
    answers.set(`GET /v2/os/referrers/${SUBJECT}`, json(index('x/a', 'x/b')));
    answers.set(`GET /v2/os/referrers/${SUBJECT}?artifactType=x%2Fb`, json(index('x/a', 'x/b')));
    expect(await repository.referrers(SUBJECT)).toEqual([entry('x/a'), entry('x/b')]);
    expect(await repository.referrers(SUBJECT, { artifactType: 'x/b' })).toEqual([entry('x/b')]);
  });

  test('from the tag, where the registry has no such list', async () => {
    expect(await repository.referrers(SUBJECT)).toEqual([]);
    answers.set(`GET ${FALLBACK}`, json(index('x/a', 'x/b')));
    expect(await repository.referrers(SUBJECT, { artifactType: 'x/a' })).toEqual([entry('x/a')]);
  });

  test('what is no index is refused', async () => {
    answers.set(`GET /v2/os/referrers/${SUBJECT}`, json('{}'));
    await expect(repository.referrers(SUBJECT)).rejects.toBeInstanceOf(SlipwayError);
  });

  test('a push to a registry that keeps no list adds to the tag, once', async () => {
    const manifest = Buffer.from(
      JSON.stringify({
        ...index(),
        artifactType: 'x/new',
        subject: { digest: SUBJECT },
        annotations: { k: 'v' },
      }),
    );
    const digest = digestOf(manifest);
    let stored: unknown = index('x/a');
    answers.set('PUT /v2/os/manifests/v1', (_, response) => response.writeHead(201).end());
    answers.set(`GET ${FALLBACK}`, (_, response) => response.end(JSON.stringify(stored)));
    answers.set(`PUT ${FALLBACK}`, (request, response) => {
      void collectBytes(request, 10_000, () => new Error('too large')).then((bytes) => {
        stored = JSON.parse(bytes.toString());
        response.writeHead(201).end();
      });
    });
    const reference = parseReference(`${host}/os:v1`);
    if (reference.kind !== 'registry') throw new Error('not in a registry');
    await using target = await registryTarget(reference, QUICK);
    for (let time = 0; time < 2; time += 1) await target.putManifest(manifest, MEDIA_TYPES.index, 'v1');
    expect(seen.filter((line) => line === `PUT ${FALLBACK}`)).toHaveLength(1);
    expect(await repository.referrers(SUBJECT)).toEqual([
      entry('x/a'),
      {
        mediaType: MEDIA_TYPES.index,
        digest,
        size: manifest.length,
        artifactType: 'x/new',
        annotations: { k: 'v' },
      },
    ]);

    seen.length = 0;
    answers.set('PUT /v2/os/manifests/v1', (_, response) =>
      response.writeHead(201, { 'oci-subject': SUBJECT }).end(),
    );
    await target.putManifest(manifest, MEDIA_TYPES.index, 'v1');
    expect(seen).toEqual(['PUT /v2/os/manifests/v1']);
  });
});

describe('deletion', () => {
  test('of a tag and a blob', async () => {
    for (const path of ['manifests/v1', `blobs/${SUBJECT}`]) {
      answers.set(`DELETE /v2/os/${path}`, (_, response) => response.writeHead(202).end());
    }
    await repository.deleteManifest('v1');
    await repository.deleteBlob(SUBJECT);
    await expect(repository.deleteManifest('v2')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });

  test('where it is not allowed, and of what is no name', async () => {
    answers.set('DELETE /v2/os/manifests/v1', (_, response) => response.writeHead(405).end());
    await expect(repository.deleteManifest('v1')).rejects.toMatchObject({ code: 'OCI_REGISTRY_FAILED' });
    await expect(repository.deleteManifest('../../other/manifests/v1')).rejects.toMatchObject({
      code: 'OCI_REFERENCE_INVALID',
    });
  });
});
