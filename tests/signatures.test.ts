import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPolicy, openImage, openLayoutWriter, openTarget, parseReference } from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachByTag, cosignPayload } from '../packages/oci/src/testing/attached-signature.ts';
import {
  makeSigstoreAuthority,
  type SigstoreAuthority,
} from '../packages/oci/src/testing/sigstore-authority.ts';
import { writeSmallImage } from '../packages/oci/src/testing/small-image.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { base64OfFile, prepareSigners, type Signers } from './harness/signers.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';

// What we sign, skopeo and cosign accept; what they sign, we do; and under the same policy.json we say what skopeo says.

const WHO = { email: 'ci@shop.example', issuer: 'https://login.shop.example' };

let signers: Signers;
let registry: TestRegistry;
let authority: SigstoreAuthority;
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  signers = resources.use(await prepareSigners());
  registry = resources.use(await startRegistry());
  authority = await makeSigstoreAuthority();
  await makeKeys();
  await publishImages();
  await signImages();
});
afterAll(() => resources.disposeAsync());

describe('signatures of others', () => {
  test.each([
    ['skopeo', 'app', 'ours.pub', /app:v1$/],
    ['cosign, with its own key', 'vendor', 'theirs.pub', /vendor$/],
  ])('by %s', async (_who, image, key, name) => {
    const answer = await slipwayJson(['verify', '--key', at(key), nameOf(image)]);
    expect(answer).toMatchObject({
      signatures: [
        { format: 'cosign', signer: { kind: 'key' }, dockerReference: expect.stringMatching(name) },
      ],
    });
    const refused = await slipway(['verify', '--key', at('ed25519.pub'), nameOf(image)], {
      allowExitCodes: [1],
    });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('not by a key that is trusted');
  });

  test('what they say besides is held against what is asked for', async () => {
    const ask = async (annotation: string): Promise<number> =>
      (
        await slipway(['verify', '--key', at('theirs.pub'), '-a', annotation, nameOf('vendor')], {
          allowExitCodes: [1],
        })
      ).exitCode;
    expect(await ask('stage=production')).toBe(0);
    expect(await ask('stage=test')).toBe(1);
  });

  test('without a lasting key', async () => {
    await writeFile(at('trusted_root.json'), authority.trustedRoot);
    const trust = ['--trusted-root', at('trusted_root.json'), '--certificate-oidc-issuer', WHO.issuer];
    const { stdout } = await slipway([
      'verify',
      ...trust,
      '--certificate-identity',
      WHO.email,
      nameOf('keyless'),
    ]);
    expect(stdout.toString()).toContain(`cosign signature by ${WHO.email} (by ${WHO.issuer})`);
    const other = await slipway(
      ['verify', ...trust, '--certificate-identity', 'eve@shop.example', nameOf('keyless')],
      { allowExitCodes: [1] },
    );
    expect(other.exitCode).toBe(1);
  });
});

describe('signatures of ours', () => {
  test.each([
    ['under a tag', []],
    ['as a bundle', ['--new-bundle-format']],
  ])('%s: cosign accepts them', async (_what, options) => {
    const args = ['--key', at('ours.pub'), '--insecure-ignore-tlog', '--allow-http-registry'];
    const { exitCode, stderr } = await signers.cosign('verify', ...options, ...args, nameOf('ours'));
    expect(exitCode, stderr).toBe(0);
    const wrong = await signers.cosign(
      'verify',
      ...options,
      '--key',
      at('theirs.pub'),
      ...args.slice(2),
      nameOf('ours'),
    );
    expect(wrong.exitCode).not.toBe(0);
  });

  test('signing again changes nothing', async () => {
    const before = await slipwayJson(['referrers', nameOf('ours')]);
    const first = await sign('ours', 'ours.key', '--format', 'cosign', '--format', 'bundle');
    expect(await sign('ours', 'ours.key', '--format', 'cosign', '--format', 'bundle')).toEqual(first);
    expect(await slipwayJson(['referrers', nameOf('ours')])).toEqual(before);
  });

  test('in a layout they travel without a registry, and a tag need not be said', async () => {
    const layout = join(signers.directory, 'offline');
    await using writer = await openLayoutWriter(layout);
    await writeSmallImage(writer, 'v1', { bulkBytes: 1000 });
    const name = ['--sign-identity', 'registry.example/os:v1'];
    await slipway([
      'sign',
      '--key',
      at('ed25519.key'),
      ...name,
      '--format',
      'cosign',
      '--format',
      'bundle',
      `oci:${layout}:v1`,
    ]);
    const answer = await slipwayJson(['verify', '--key', at('ed25519.pub'), `oci:${layout}`]);
    expect(answer).toMatchObject({ signatures: [{ format: 'cosign' }, { format: 'sigstore-bundle' }] });
  });
});

test('an image takes its signatures along where it is copied, and there is nothing new the second time', async () => {
  const layout = `oci:${join(signers.directory, 'taken')}:v1`;
  for (const [from, to] of [
    [nameOf('ours'), layout],
    [layout, nameOf('back')],
    [layout, nameOf('back')],
  ] as const) {
    expect(await slipwayJson(['copy', '--with-signatures', from, to])).toMatchObject({ signatures: 2 });
    expect(await slipwayJson(['verify', '--key', at('ours.pub'), to])).toMatchObject({
      signatures: [{ format: 'cosign', dockerReference: nameOf('ours') }, { format: 'sigstore-bundle' }],
    });
  }
});

describe('under the same policy.json skopeo and we agree', () => {
  const IMAGES = ['plain', 'app', 'moved', 'vendor', 'ours', 'ed25519', 'rsa', 'gpg', 'keyless'] as const;
  const signed = (fields: object): object => ({ type: 'sigstoreSigned', ...fields });
  const ANY_NAME = { signedIdentity: { type: 'matchRepository' } };

  test.each<[what: string, policy: () => Promise<object> | object, accepted: readonly string[]]>([
    ['accept everything', () => ({ default: [{ type: 'insecureAcceptAnything' }] }), IMAGES],
    ['reject everything', () => ({ default: [{ type: 'reject' }] }), []],
    ['one key, the exact name', () => docker([signed({ keyPath: at('ours.pub') })]), ['app', 'ours']],
    [
      'one key, the repository',
      () => docker([signed({ keyPath: at('theirs.pub'), ...ANY_NAME })]),
      ['vendor'],
    ],
    [
      'a key in the policy',
      async () => docker([signed({ keyData: await base64OfFile(at('rsa.pub')) })]),
      ['rsa'],
    ],
    [
      'several keys',
      () => docker([signed({ keyPaths: [at('rsa.pub'), at('ed25519.pub'), at('theirs.pub')] })]),
      ['ed25519', 'rsa'],
    ],
    ['two requirements', () => docker([signed({ keyPath: at('ours.pub') }), { type: 'reject' }]), []],
    [
      'a name that is given',
      () =>
        docker([
          signed({
            keyPath: at('ours.pub'),
            signedIdentity: { type: 'exactReference', dockerReference: nameOf('app') },
          }),
        ]),
      ['app', 'moved'],
    ],
    [
      'a repository that is given',
      () =>
        docker([
          signed({
            keyPath: at('theirs.pub'),
            signedIdentity: { type: 'exactRepository', dockerRepository: repositoryOf('vendor') },
          }),
        ]),
      ['vendor'],
    ],
    [
      'a name for another',
      () =>
        docker([
          signed({
            keyPath: at('ours.pub'),
            signedIdentity: {
              type: 'remapIdentity',
              prefix: repositoryOf('moved'),
              signedPrefix: repositoryOf('app'),
            },
          }),
        ]),
      ['app', 'moved', 'ours'],
    ],
    [
      'the longest scope',
      () => ({
        default: [{ type: 'insecureAcceptAnything' }],
        transports: {
          docker: {
            '': [{ type: 'insecureAcceptAnything' }],
            '*.0.0.1': [{ type: 'insecureAcceptAnything' }],
            [registry.hostPort]: [{ type: 'reject' }],
            [repositoryOf('plain')]: [{ type: 'reject' }],
            [nameOf('plain')]: [{ type: 'insecureAcceptAnything' }],
            [repositoryOf('ours')]: [signed({ keyPath: at('ours.pub') })],
            [repositoryOf('rsa')]: [signed({ keyPath: at('ours.pub') })],
          },
        },
      }),
      ['plain', 'ours'],
    ],
    [
      'domains',
      () => ({
        default: [{ type: 'reject' }],
        transports: {
          docker: { '*.0.1': [{ type: 'insecureAcceptAnything' }], '*.1': [{ type: 'reject' }] },
        },
      }),
      IMAGES,
    ],
    [
      'an OpenPGP key',
      () => docker([{ type: 'signedBy', keyType: 'GPGKeys', keyPath: signers.gpgKeyPath }]),
      ['gpg'],
    ],
    [
      'OpenPGP keys in the policy',
      async () =>
        docker([{ type: 'signedBy', keyType: 'GPGKeys', keyData: await base64OfFile(signers.gpgKeyPath) }]),
      ['gpg'],
    ],
    [
      'several OpenPGP keys',
      () =>
        docker([
          { type: 'signedBy', keyType: 'GPGKeys', keyPaths: [signers.otherGpgKeyPath, signers.gpgKeyPath] },
        ]),
      ['gpg'],
    ],
    [
      'another OpenPGP key',
      () => docker([{ type: 'signedBy', keyType: 'GPGKeys', keyPath: signers.otherGpgKeyPath }]),
      [],
    ],
    ['a person', () => docker([signed(person(WHO.email))]), ['keyless']],
    ['another person', () => docker([signed(person('eve@shop.example'))]), []],
    [
      'a key, and a log that saw it',
      () =>
        docker([
          signed({ keyPath: at('ours.pub'), rekorPublicKeyData: person(WHO.email).rekorPublicKeyData }),
        ]),
      [],
    ],
  ])('%s', async (what, makePolicy, accepted) => {
    const path = join(signers.directory, `${what.replaceAll(/\W+/g, '-')}.json`);
    await writeFile(path, JSON.stringify(await makePolicy()));
    const skopeo = [];
    const ours = [];
    for (const image of IMAGES) {
      if (await skopeoAccepts(image, path)) skopeo.push(image);
      if (await weAccept(image, path)) ours.push(image);
    }
    expect(ours).toEqual(skopeo);
    expect(ours).toEqual(accepted);
  });
});

test('what the policy refuses becomes no disk, and a bad policy says all that is bad about it', async () => {
  const output = join(signers.directory, 'disks');
  await writeFile(at('reject.json'), JSON.stringify({ default: [{ type: 'reject' }] }));
  const args = ['image', '-o', output, '--cache', join(signers.directory, 'cache'), nameOf('ours')];
  const refused = await slipway([...args, '--signature-policy', at('reject.json')], { allowExitCodes: [1] });
  expect(refused.stderr).toContain(`cannot use ${nameOf('ours')}: the signature policy rejects it`);
  await writeFile(
    at('bad.json'),
    '{"default": [{"type": "signedBy", "keyType": "GPGKeys"}], "transport": {}}',
  );
  const bad = await slipway([...args, '--signature-policy', at('bad.json')], { allowExitCodes: [3] });
  expect(bad.stderr).toContain('default.0: needs one of keyPath, keyPaths, keyData');
  expect(bad.stderr).toContain('"transport"');
});

function docker(requirements: readonly object[]): object {
  return { default: [{ type: 'reject' }], transports: { docker: { [registry.hostPort]: requirements } } };
}

function person(subjectEmail: string): { readonly fulcio: object; readonly rekorPublicKeyData: string } {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    fulcio: { caData: base64(authority.rootPem), oidcIssuer: WHO.issuer, subjectEmail },
    rekorPublicKeyData: base64(authority.logPublicPem),
  };
}

async function skopeoAccepts(image: string, policy: string): Promise<boolean> {
  const target = `dir:${join(signers.directory, 'copied')}`;
  const { exitCode, stderr } = await signers.skopeo(
    '--policy',
    policy,
    'copy',
    '--quiet',
    '--src-tls-verify=false',
    '--remove-signatures',
    `docker://${nameOf(image)}`,
    target,
  );
  if (exitCode !== 0) expect(stderr).toMatch(/rejected/);
  return exitCode === 0;
}

async function weAccept(image: string, policyPath: string): Promise<boolean> {
  const reference = parseReference(nameOf(image));
  await using source = openImage(reference);
  const resolved = await source.resolve('amd64');
  const places = { registriesDirectories: [signers.registriesDirectory] };
  return (await checkPolicy(reference, resolved, { ...places, policyPath })).kind !== 'refused';
}

async function makeKeys(): Promise<void> {
  await mkdir(at(''));
  await slipway([
    'generate-key-pair',
    '--output-key-prefix',
    at('ours'),
    '--password-file',
    signers.passwordFile,
  ]);
  const made = await signers.cosign('generate-key-pair', '--output-key-prefix', at('theirs'));
  expect(made.exitCode, made.stderr).toBe(0);
  for (const [name, pair] of [
    ['ed25519', generateKeyPairSync('ed25519')],
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ] as const) {
    await writeFile(at(`${name}.key`), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(at(`${name}.pub`), pair.publicKey.export({ type: 'spki', format: 'pem' }));
  }
}

async function publishImages(): Promise<void> {
  const layout = join(signers.directory, 'layout');
  await using writer = await openLayoutWriter(layout);
  await writeSmallImage(writer, 'v1', { bulkBytes: 1000 });
  for (const image of ['plain', 'vendor', 'ours', 'ed25519', 'rsa', 'keyless', 'moved']) {
    await slipway(['push', `oci:${layout}:v1`, nameOf(image)]);
  }
  const copy = ['copy', '--quiet', '--dest-tls-verify=false'];
  const withKey = [
    '--sign-by-sigstore-private-key',
    at('ours.key'),
    '--sign-passphrase-file',
    signers.passwordFile,
  ];
  for (const [options, image] of [
    [withKey, 'app'],
    [['--sign-by', 'signer@example.org'], 'gpg'],
  ] as const) {
    const { exitCode, stderr } = await signers.skopeo(
      ...copy,
      ...options,
      `oci:${layout}:v1`,
      `docker://${nameOf(image)}`,
    );
    expect(exitCode, stderr).toBe(0);
  }
}

async function signImages(): Promise<void> {
  const cosign = [
    '--key',
    at('theirs.key'),
    '--tlog-upload=false',
    '--allow-http-registry',
    '-a',
    'stage=production',
  ];
  const { exitCode, stderr } = await signers.cosign('sign', '-y', ...cosign, nameOf('vendor'));
  expect(exitCode, stderr).toBe(0);
  await sign('ours', 'ours.key', '--format', 'cosign', '--format', 'bundle');
  await sign('ed25519', 'ed25519.key');
  await sign('rsa', 'rsa.key');
  await using source = openImage(parseReference(nameOf('keyless')));
  const digest = await source.resolveDigest();
  const tag = `${digest.replace(':', '-')}.sig`;
  const payload = cosignPayload(nameOf('keyless'), digest);
  const keyless = await authority.sign(payload, WHO);
  await using target = await openTarget(parseReference(nameOf('keyless')));
  const annotations = {
    'dev.cosignproject.cosign/signature': keyless.signature.toString('base64'),
    'dev.sigstore.cosign/certificate': keyless.certificate,
    'dev.sigstore.cosign/chain': keyless.chain,
    'dev.sigstore.cosign/bundle': keyless.rekorBundle,
  };
  await attachByTag(target, tag, [{ payload, annotations }]);
  // A signature that was taken along to another name.
  const moved = await signers.skopeo(
    'copy',
    '--quiet',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    `docker://${repositoryOf('app')}:${tag}`,
    `docker://${repositoryOf('moved')}:${tag}`,
  );
  expect(moved.exitCode, moved.stderr).toBe(0);
}

async function sign(image: string, key: string, ...options: readonly string[]): Promise<unknown> {
  const answer = await slipwayJson([
    'sign',
    '--key',
    at(key),
    '--password-file',
    signers.passwordFile,
    ...options,
    nameOf(image),
  ]);
  return answer;
}

function at(file: string): string {
  return join(signers.directory, 'keys', file);
}

function repositoryOf(image: string): string {
  return `${registry.hostPort}/os/${image}`;
}

function nameOf(image: string): string {
  return `${repositoryOf(image)}:v1`;
}
