import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegistryFailure } from '../failure.ts';
import { parseRoute, type Route } from './route.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ID = '0123456789abcdef'.repeat(2);

function failureOf(path: string): RegistryFailure | undefined {
  try {
    parseRoute(path);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof RegistryFailure) return thrown;
    throw thrown;
  }
}

describe('what a path asks for', () => {
  test.each<[string, Route]>([
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/_catalog', { kind: 'catalog' }],
    ['/v2/token', { kind: 'token' }],
    ['/v2/a/tags/list', { kind: 'tags', repository: 'a' }],
    ['/v2/a/b__c/d-e.f/tags/list', { kind: 'tags', repository: 'a/b__c/d-e.f' }],
    ['/v2/a/blobs/uploads', { kind: 'uploads', repository: 'a' }],
    ['/v2/a/blobs/uploads/', { kind: 'uploads', repository: 'a' }],
    [`/v2/a/blobs/uploads/${ID}`, { kind: 'upload', repository: 'a', id: ID }],
    [`/v2/a/blobs/${DIGEST}`, { kind: 'blob', repository: 'a', digest: DIGEST } as Route],
    [`/v2/a/referrers/${DIGEST}`, { kind: 'referrers', repository: 'a', digest: DIGEST } as Route],
    [
      '/v2/a/manifests/V1.0_x-',
      { kind: 'manifest', repository: 'a', reference: { kind: 'tag', tag: 'V1.0_x-' } },
    ],
    [
      `/v2/a/manifests/${DIGEST}`,
      { kind: 'manifest', repository: 'a', reference: { kind: 'digest', digest: DIGEST } } as Route,
    ],
    ['/v2/a/manifests/.x', { kind: 'manifest', repository: 'a', reference: { kind: 'invalid', text: '.x' } }],
    // Percent-encoded, and named like an endpoint.
    [
      `/v2/team%2Fos/blobs/${DIGEST.replace(':', '%3A')}`,
      { kind: 'blob', repository: 'team/os', digest: DIGEST } as Route,
    ],
    ['/v2/tags/list/manifests/tags/tags/list', { kind: 'tags', repository: 'tags/list/manifests/tags' }],
    [`/v2/a/blobs/b/blobs/${DIGEST}`, { kind: 'blob', repository: 'a/blobs/b', digest: DIGEST } as Route],
  ])('%s', (path, route) => {
    expect(parseRoute(path)).toEqual(route);
  });

  test.each([
    ['', 404],
    ['/', 404],
    ['/v1/', 404],
    ['/v2/a', 404],
    ['/v2/a/', 404],
    ['/v2//tags/list', 404],
    ['/v2/%ff/tags/list', 404],
    ['http://elsewhere/v2/a/tags/list', 404],
    ['/v2/../tags/list', 400],
    ['/v2/a/../b/tags/list', 400],
    ['/v2/a/./tags/list', 400],
    ['/v2/a//b/tags/list', 400],
    ['/v2/%2e%2e/%2e%2e/etc/tags/list', 400],
    ['/v2/a%00/tags/list', 400],
    ['/v2/a\\b/tags/list', 400],
    ['/v2/A/tags/list', 400],
    ['/v2/_uploads/tags/list', 400],
    ['/v2/a-/tags/list', 400],
    [`/v2/${'a'.repeat(256)}/tags/list`, 400],
    ['/v2/a/blobs/..', 400],
    ['/v2/a/blobs/sha256:../../../etc/passwd', 404],
    [`/v2/a/blobs/sha256:${'A'.repeat(64)}`, 400],
    [`/v2/a/blobs/md5:${'a'.repeat(32)}`, 400],
    ['/v2/a/blobs/uploads/..', 404],
    ['/v2/a/blobs/uploads/0123', 404],
    [`/v2/a/blobs/uploads/${ID.toUpperCase()}`, 404],
  ])('%j is refused', (path, status) => {
    expect(failureOf(path)?.status).toBe(status);
  });

  test('whatever comes, no name leads out of its directory', () => {
    const piece = fc.constantFrom(
      '..',
      '.',
      '/',
      '%2e',
      '%2f',
      '%00',
      'a',
      'manifests',
      'blobs/uploads',
      'tags/list',
      DIGEST,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        const path = `/v2/${pieces.join('/')}`;
        if (failureOf(path) !== undefined) return;
        const route = parseRoute(path);
        const names = 'repository' in route ? [route.repository] : [];
        if (route.kind === 'upload') names.push(route.id);
        if (route.kind === 'manifest' && route.reference.kind === 'tag') names.push(route.reference.tag);
        for (const name of names) {
          expect(name.split('/')).not.toContain('..');
          expect(name.split('/')).not.toContain('');
          expect(name).toMatch(/^[A-Za-z0-9._/-]+$/);
        }
      }),
    );
  });
});
