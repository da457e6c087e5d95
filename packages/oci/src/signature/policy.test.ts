import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { duplicateKeys } from './json-duplicates.ts';
import type { SignedIdentity } from './policy.ts';
import { parsePolicy } from './policy-file.ts';
import { requirementsFor, scopesOf } from './policy-scope.ts';
import { identityProblem, nameOfReference } from './signed-name.ts';

describe('a policy', () => {
  test('is read with everything the format has', async () => {
    const policy = await parsePolicy(
      JSON.stringify({
        default: [{ type: 'reject' }],
        transports: {
          docker: {
            'registry.example/os': [
              { type: 'signedBy', keyType: 'GPGKeys', keyPaths: ['/a', '/b'] },
              {
                type: 'sigstoreSigned',
                fulcio: { caData: 'eA==', oidcIssuer: 'https://login.example', subjectEmail: 'ci@example' },
                rekorPublicKeyPath: '/rekor.pub',
                signedIdentity: {
                  type: 'remapIdentity',
                  prefix: 'mirror.example',
                  signedPrefix: 'registry.example',
                },
              },
            ],
          },
          'containers-storage': { '': [{ type: 'insecureAcceptAnything' }] },
        },
      }),
      'policy.json',
    );
    const { rule, requirements } = requirementsFor(policy, parseReference('registry.example/os/web:v1'));
    expect(rule).toBe('docker:registry.example/os');
    expect(requirements).toMatchObject([
      {
        type: 'signedBy',
        keys: { kind: 'files', paths: ['/a', '/b'] },
        identity: { type: 'matchRepoDigestOrExact' },
      },
      {
        signer: { kind: 'fulcio', subjectEmail: 'ci@example' },
        rekorKeys: { kind: 'files', paths: ['/rekor.pub'] },
      },
    ]);
  });

  test('says everything that is wrong with it at once', async () => {
    const text = `{"default": [{"type": "signedBy", "keyType": "GPG", "keyPath": "a", "keyData": "YQ=="}], "transports": {
      "docker": {
        "a.example": [{"type": "sigstoreSigned"}, {"type": "nonsense"}],
        "b.example": [{"type": "sigstoreSigned", "fulcio": {"caPath": "a", "oidcIssuer": "", "subjectEmail": "x"}}],
        "c.example": [], "d.example": [{"type": "reject", "but": 1}], "d.example": [{"type": "reject"}]
      },
      "oci": {"images": [{"type": "reject"}]}}}`;
    const thrown: unknown = await parsePolicy(text, 'policy.json').catch((error: unknown) => error);
    const findings = isSlipwayError(thrown, 'SIGNATURE_POLICY_INVALID') ? thrown.findings : [];
    expect(findings.map((finding) => finding.replace(/: .*/s, ''))).toEqual([
      'transports.docker.d.example',
      'default.0',
      'transports.docker.a.example.0',
      'transports.docker.b.example.0',
      'transports.oci.images',
      'default.0.keyType',
      'transports.docker.a.example.1.type',
      'transports.docker.b.example.0.fulcio.oidcIssuer',
      'transports.docker.c.example',
    ]);
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no default', '{}'],
    ['unknown keys', '{"default": [{"type": "reject"}], "defaults": []}'],
    ['unknown keys of a requirement', '{"default": [{"type": "reject", "keyPath": "a"}]}'],
    ['an identity that names no tag', policyWith({ type: 'exactReference', dockerReference: 'a.example/b' })],
    [
      'an identity that names one',
      policyWith({ type: 'exactRepository', dockerRepository: 'a.example/b:c' }),
    ],
    ['an unknown identity', policyWith({ type: 'matchAnything' })],
  ])('with %s is refused', async (_what, text) => {
    const thrown: unknown = await parsePolicy(text, 'policy.json').catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'SIGNATURE_POLICY_INVALID')).toBe(true);
  });

  test('whatever the text, it is read or refused in words', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
        const thrown: unknown = await parsePolicy(text, 'policy.json').catch((error: unknown) => error);
        expect(isSlipwayError(thrown, 'SIGNATURE_POLICY_INVALID')).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

test('keys that stand twice are found wherever they are, and nothing else', () => {
  expect(duplicateKeys('{"a":{"b":[{"c":1,"d":"}{","c":2}]},"a":[],"\\u0061":0,"b":"a"}')).toEqual([
    'a.b.c',
    'a',
    'a',
  ]);
  fc.assert(
    fc.property(fc.json(), (text) => {
      // What JSON.stringify writes has each key once.
      expect(duplicateKeys(text)).toEqual([]);
    }),
  );
});

test.each([
  [
    'registry.example:5000/a/b:v1',
    [
      'registry.example:5000/a/b:v1',
      'registry.example:5000/a/b',
      'registry.example:5000/a',
      'registry.example:5000',
      '*.example',
      '',
    ],
  ],
  [
    `a.b.example/os@sha256:${'0'.repeat(64)}`,
    [
      `a.b.example/os@sha256:${'0'.repeat(64)}`,
      'a.b.example/os',
      'a.b.example',
      '*.b.example',
      '*.example',
      '',
    ],
  ],
  ['oci:/srv/images/os:v1', ['/srv/images/os:v1', '/srv/images/os', '/srv/images', '/srv', '']],
])('the scopes of %s, the most exact first', (text, scopes) => {
  expect(scopesOf(parseReference(text))).toEqual(scopes);
});

const HASH = `sha256:${'1'.repeat(64)}`;

/** containers-policy.json(5), "signedIdentity", row by row. */
test.each<[SignedIdentity, asked: string, signed: string, matches: boolean]>([
  [{ type: 'matchExact' }, 'r.example/os:v1', 'r.example/os:v1', true],
  [{ type: 'matchExact' }, 'r.example/os:v1', 'r.example/os:v2', false],
  [{ type: 'matchExact' }, 'r.example/os:v1', 'r.example/os', false],
  [{ type: 'matchExact' }, `r.example/os@${HASH}`, 'r.example/os:v1', false],
  [{ type: 'matchRepoDigestOrExact' }, 'r.example/os:v1', 'r.example/os:v1', true],
  [{ type: 'matchRepoDigestOrExact' }, 'r.example/os:v1', 'r.example/os:v2', false],
  [{ type: 'matchRepoDigestOrExact' }, `r.example/os@${HASH}`, 'r.example/os:v2', true],
  [{ type: 'matchRepoDigestOrExact' }, `r.example/os@${HASH}`, 'r.example/os', false],
  [{ type: 'matchRepoDigestOrExact' }, `r.example/os:v1@${HASH}`, 'r.example/os:v2', true],
  [{ type: 'matchRepoDigestOrExact' }, 'oci:/os:v1', 'r.example/os:v1', false],
  [{ type: 'matchRepository' }, 'r.example/os:v1', 'r.example/os:v2', true],
  [{ type: 'matchRepository' }, 'r.example/os:v1', 'r.example/os', true],
  [{ type: 'matchRepository' }, 'r.example/os:v1', 'r.example/os/web', false],
  [{ type: 'matchRepository' }, 'r.example/os:v1', 'no name', false],
  [{ type: 'exactReference', dockerReference: 'r.example/os:v1' }, 'oci:/os:v9', 'r.example/os:v1', true],
  [
    { type: 'exactReference', dockerReference: 'r.example/os:v1' },
    'm.example/os:v1',
    'r.example/os:v2',
    false,
  ],
  [{ type: 'exactRepository', dockerRepository: 'r.example/os' }, 'm.example/os:v1', 'r.example/os:v2', true],
  [
    { type: 'exactRepository', dockerRepository: 'r.example/os' },
    'm.example/os:v1',
    'm.example/os:v1',
    false,
  ],
  [
    { type: 'exactRepository', dockerRepository: 'busybox' },
    'm.example/os:v1',
    'docker.io/library/busybox:1',
    true,
  ],
  [
    { type: 'remapIdentity', prefix: 'm.example', signedPrefix: 'r.example' },
    'm.example/os:v1',
    'r.example/os:v1',
    true,
  ],
  [
    { type: 'remapIdentity', prefix: 'm.example', signedPrefix: 'r.example' },
    'm.example/os:v1',
    'm.example/os:v1',
    false,
  ],
  [
    { type: 'remapIdentity', prefix: 'm.exam', signedPrefix: 'r.example' },
    'm.example/os:v1',
    'm.example/os:v1',
    true,
  ],
])('%j: %s signed as %s: %s', (identity, asked, signed, matches) => {
  expect(identityProblem(identity, nameOfReference(parseReference(asked)), signed) === undefined).toBe(
    matches,
  );
});

function policyWith(signedIdentity: object): string {
  return JSON.stringify({
    default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/a', signedIdentity }],
  });
}
