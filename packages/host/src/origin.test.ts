import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseContainerReference } from './image-spec.ts';
import { formatOrigin, type Origin, parseOrigin } from './origin.ts';

const ORIGIN: Origin = {
  image: { image: 'registry.example:5000/os/web:stable', transport: 'registry' },
  bootType: 'bls',
  bootDigest: 'ab'.repeat(32),
  manifestDigest: `sha256:${'cd'.repeat(32)}`,
  version: '13.1',
  timestamp: '2026-01-01T00:00:00Z',
  architecture: 'amd64',
};

describe('an origin file', () => {
  test('is what bootc writes, and a section of our own', () => {
    expect(formatOrigin(ORIGIN)).toMatch(/^\[origin\][^]*\nchecksum=[0-9a-f]{64}\n$/);
    expect(formatOrigin(ORIGIN).replace(/checksum=.*\n/, '')).toBe(
      `[origin]\ncontainer-image-reference=ostree-unverified-image:docker://registry.example:5000/os/web:stable\n\n` +
        `[boot]\nboot_type=bls\ndigest=${'ab'.repeat(32)}\n\n[image]\nmanifest_digest=sha256:${'cd'.repeat(32)}\n\n` +
        `[slipway]\nversion=13.1\ntimestamp=2026-01-01T00:00:00Z\narchitecture=amd64\n`,
    );
  });

  test('of bootc is read', () => {
    const text =
      '[origin]\ncontainer-image-reference = ostree-unverified-image:docker://quay.example/os:latest\n' +
      '[boot]\nboot_type = uki\n[rpmostree]\nx=y\n';
    expect(parseOrigin(text, 'x.origin')).toEqual({
      image: { image: 'quay.example/os:latest', transport: 'registry' },
      bootType: 'uki',
      bootDigest: undefined,
      manifestDigest: undefined,
      version: undefined,
      timestamp: undefined,
      architecture: undefined,
    });
  });

  test.each(['', '[origin]\n', '[origin]\ncontainer-image-reference=\n', '\0'.repeat(99)])(
    'without an image is refused: %j',
    (text) => {
      expect(() => parseOrigin(text, 'x.origin')).toThrow(/cannot read x\.origin: it does not say/);
    },
  );

  test('cannot be broken by what an image says of itself', () => {
    const hostile = {
      ...ORIGIN,
      version: '1\n[origin]\ncontainer-image-reference=ostree-unverified-image:oci:/evil',
    };
    expect(parseOrigin(formatOrigin(hostile), 'x').image).toEqual(ORIGIN.image);
  });

  test('survives writing and reading', () => {
    const word = fc.option(fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/), { nil: undefined });
    const image = fc.record({
      transport: fc.constantFrom('registry', 'oci', 'oci-archive', 'containers-storage'),
      image: fc.stringMatching(/^[a-z/][a-z0-9./:@-]{0,40}$/),
    });
    fc.assert(
      fc.property(image, word, word, (image, version, timestamp) => {
        const origin = { ...ORIGIN, image, version, timestamp };
        expect(parseOrigin(formatOrigin(origin), 'x')).toEqual(origin);
      }),
    );
  });
});

test.each([
  ['ostree-unverified-image:docker://a.example/b:c', { transport: 'registry', image: 'a.example/b:c' }],
  ['ostree-unverified-registry:a.example/b:c', { transport: 'registry', image: 'a.example/b:c' }],
  ['ostree-image-signed:docker://a.example/b', { transport: 'registry', image: 'a.example/b' }],
  ['ostree-remote-image:fedora:docker://a.example/b', { transport: 'registry', image: 'a.example/b' }],
  ['ostree-unverified-image:oci:/var/images:v1', { transport: 'oci', image: '/var/images:v1' }],
  [
    'ostree-unverified-image:containers-storage:localhost/b',
    { transport: 'containers-storage', image: 'localhost/b' },
  ],
  ['nonsense', undefined],
  ['ostree-unverified-image:docker://', undefined],
])('the container reference %s', (text, spec) => {
  expect(parseContainerReference(text)).toEqual(spec);
});
