import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Digest } from './image.ts';
import { formatReference, parseReference, withDigest } from './reference.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}` as Digest;

describe('a reference to a registry', () => {
  test.each([
    ['registry.example/os', 'registry.example', 'os', 'latest', undefined],
    ['registry.example/os:v1', 'registry.example', 'os', 'v1', undefined],
    ['registry:registry.example/a/b/c:v1', 'registry.example', 'a/b/c', 'v1', undefined],
    ['docker://localhost:5000/os', 'localhost:5000', 'os', 'latest', undefined],
    ['localhost/os', 'localhost', 'os', 'latest', undefined],
    ['10.0.2.2:5000/demo/os:v2', '10.0.2.2:5000', 'demo/os', 'v2', undefined],
    ['[::1]:5000/os', '[::1]:5000', 'os', 'latest', undefined],
    ['registry:5000/os:x', 'registry:5000', 'os', 'x', undefined],
    [`r.example/os@${DIGEST}`, 'r.example', 'os', undefined, DIGEST],
    [`r.example/os:v1@${DIGEST}`, 'r.example', 'os', 'v1', DIGEST],
    ['r.example/a__b/c--d/e.f', 'r.example', 'a__b/c--d/e.f', 'latest', undefined],
  ])('reads %s', (text, registry, repository, tag, digest) => {
    const reference = parseReference(text);
    expect(reference).toEqual({ kind: 'registry', registry, repository, tag, digest });
    expect(parseReference(formatReference(reference))).toEqual(reference);
  });

  test('asks for the registry a bare name leaves out', () => {
    expect(() => parseReference('debian:13')).toThrow(
      expect.objectContaining({
        code: 'OCI_REFERENCE_INVALID',
        message: 'cannot use "debian:13" as an image reference: it names no registry',
        hint: 'write it with its registry: HOST/debian:13',
      }),
    );
    expect(() => parseReference('library/debian:13')).toThrow(/names no registry/);
  });

  test.each([
    '',
    ' ',
    'registry:',
    'docker://',
    'r.example/',
    'r.example/OS',
    'r.example//os',
    'r.example/os/',
    'r.example/os:',
    'r.example/os:-v1',
    `r.example/os:${'v'.repeat(129)}`,
    'r.example/a..b',
    'r.example/a___b',
    'r.example/-a',
    'r.example/os@sha256:1234',
    'r.example/os@',
    'r.example:0/os',
    'r.example:65536/os',
    'r.example:/os',
    '-r.example/os',
    'user@r.example/os',
    'https://r.example/os',
    'r.example/os?x=1',
    'r.example/os#x',
    'r.example/../etc',
    'r.example/os\n',
    `r.example/${'a/'.repeat(130)}a`,
    `${'a'.repeat(4000)}.example/os`,
    'docker-daemon:r.example/os:v1',
    'ostree:r.example/os',
    'containers-storage:',
    'containers-storage:--help',
    'containers-storage:a b',
    'oci-archive:',
    'docker-archive:/tmp/os.tar:',
    'docker-archive:/tmp/os.tar:Shop:v 1',
    'dir:',
    'dir:a\0b',
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'OCI_REFERENCE_INVALID' }));
  });
});

describe('a reference to a layout', () => {
  test.each([
    ['oci:/srv/os', '/srv/os', undefined, undefined],
    ['oci:os', 'os', undefined, undefined],
    ['oci:/srv/os:v1', '/srv/os', 'v1', undefined],
    ['oci:/srv/os:r.example/os:v1', '/srv/os', 'r.example/os:v1', undefined],
    [`oci:/srv/os@${DIGEST}`, '/srv/os', undefined, DIGEST],
    [`oci:/srv/os:v1@${DIGEST}`, '/srv/os', 'v1', DIGEST],
    ['oci:/home/me@work/os:v1', '/home/me@work/os', 'v1', undefined],
  ])('reads %s', (text, path, tag, digest) => {
    const reference = parseReference(text);
    expect(reference).toEqual({ kind: 'oci', path, tag, digest });
    expect(formatReference(reference)).toBe(text);
  });

  test.each(['oci:', 'oci::v1', 'oci:/srv/os:', 'oci:/srv/os:a b', 'oci:/srv/os@sha256:12', 'oci:a\0b'])(
    'refuses %j',
    (text) => {
      expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'OCI_REFERENCE_INVALID' }));
    },
  );
});

describe('a reference to an archive, a directory, a store', () => {
  const nothing = { tag: undefined, digest: undefined };
  test.each([
    ['oci-archive:/srv/os.tar', { kind: 'oci-archive', path: '/srv/os.tar', ...nothing }],
    ['oci-archive:os.tar:v1', { kind: 'oci-archive', path: 'os.tar', tag: 'v1', digest: undefined }],
    [`oci-archive:os.tar:v1@${DIGEST}`, { kind: 'oci-archive', path: 'os.tar', tag: 'v1', digest: DIGEST }],
    ['docker-archive:os.tar', { kind: 'docker-archive', path: 'os.tar', ...nothing }],
    [
      'docker-archive:os.tar:r.example:5000/a/os:v1',
      { kind: 'docker-archive', path: 'os.tar', tag: 'r.example:5000/a/os:v1', digest: undefined },
    ],
    [
      'docker-archive:os.tar:shop',
      { kind: 'docker-archive', path: 'os.tar', tag: 'shop', digest: undefined },
    ],
    ['dir:/srv/a:b@c', { kind: 'dir', path: '/srv/a:b@c', ...nothing }],
    [`dir:os@${DIGEST}`, { kind: 'dir', path: 'os', tag: undefined, digest: DIGEST }],
    [
      'containers-storage:localhost/shop:v1',
      { kind: 'containers-storage', image: 'localhost/shop:v1', ...nothing },
    ],
    [
      'containers-storage:[vfs@/srv/store+/run/store]shop:v1',
      { kind: 'containers-storage', image: '[vfs@/srv/store+/run/store]shop:v1', ...nothing },
    ],
  ])('reads %s', (text, reference) => {
    expect(parseReference(text)).toEqual(reference);
    expect(formatReference(parseReference(text))).toBe(text);
  });

  test('a host may be called like a transport', () => {
    expect(parseReference('dir:5000/os')).toMatchObject({ kind: 'registry', registry: 'dir:5000' });
  });
});

test('the well-known registry has official images, and other names', () => {
  for (const text of ['docker.io/debian:13', 'index.docker.io/debian:13', 'docker.io/library/debian:13'])
    expect(formatReference(parseReference(text))).toBe('docker.io/library/debian:13');
  expect(formatReference(parseReference('docker.io/team/os'))).toBe('docker.io/team/os:latest');
});

test('a pinned reference keeps its tag for people', () => {
  expect(formatReference(withDigest(parseReference('r.example/os:v1'), DIGEST))).toBe(
    `r.example/os:v1@${DIGEST}`,
  );
});

test.each([
  ['/srv/image', 'an image in a directory is oci:/srv/image:TAG'],
  ['./image', 'an image in a directory is oci:./image:TAG'],
  ['../image', 'an image in a directory is oci:../image:TAG'],
  ['~/image', 'an image in a directory is oci:~/image:TAG'],
  ['', 'write HOST/NAME:TAG for a registry, oci:DIR:TAG for a directory'],
  ['shop:v1', 'write it with its registry: HOST/shop:v1'],
])('%j comes with what to write instead', (text, hint) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ hint }));
});

test('whatever parses, formats to text that parses to the same', () => {
  const piece = fc.stringMatching(/^[a-zA-Z0-9:/@._[\]-]{0,30}$/);
  fc.assert(
    fc.property(
      fc.constantFrom('', 'oci:', 'registry:', 'docker://', 'r.example/'),
      piece,
      (prefix, rest) => {
        let reference;
        try {
          reference = parseReference(prefix + rest);
        } catch (error) {
          expect(error).toMatchObject({ code: 'OCI_REFERENCE_INVALID' });
          return;
        }
        expect(parseReference(formatReference(reference))).toEqual(reference);
      },
    ),
    { numRuns: 2000 },
  );
});
