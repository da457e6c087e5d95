import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { Digest, ResolvedImage } from '../image.ts';
import { layoutSource } from '../layout/source.ts';
import { openLayoutWriter } from '../layout/writer.ts';
import { MEDIA_TYPES } from '../manifest.ts';
import { type LayoutReference, parseReference } from '../reference.ts';
import { attachByTag, cosignPayload } from '../testing/attached-signature.ts';
import {
  type KeylessSignature,
  makeSigstoreAuthority,
  type SigstoreAuthority,
} from '../testing/sigstore-authority.ts';
import { bytesOf, writeSmallImage } from '../testing/small-image.ts';
import { checkPolicy } from './check-policy.ts';
import { parsePolicy } from './policy-file.ts';
import { verifyImage } from './verify-image.ts';

// Signatures without a lasting key: who was identified, by whom, and that a log saw it while the certificate was good. No network.

const NAME = 'registry.example/os:v1';
const WHO = { email: 'ci@shop.example', issuer: 'https://login.shop.example' };
const SUBJECT = { exactly: WHO.email };
const ISSUER = { exactly: WHO.issuer };

let authority: SigstoreAuthority;
let stranger: SigstoreAuthority;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([makeSigstoreAuthority(), makeSigstoreAuthority()]);
});

describe('attached as cosign does', () => {
  test('it holds, long after its certificate expired', async () => {
    await using place = await signedPlace((payload) => authority.sign(payload, WHO));
    const found = await verify(place);
    expect(found.accepted).toMatchObject([
      {
        format: 'cosign',
        signer: { kind: 'certificate', subject: WHO.email, issuer: WHO.issuer },
        dockerReference: NAME,
        seenAt: '2026-01-02T03:04:05.000Z',
      },
    ]);
  });

  test('a workload is named by a URI, and an expression must fit all of it', async () => {
    const uri = 'https://forge.example/shop/.build.yml@refs/heads/main';
    await using place = await signedPlace((payload) => authority.sign(payload, { uri, issuer: WHO.issuer }));
    const matching = (expression: string): Promise<unknown> =>
      verify(place, { subject: { matching: new RegExp(expression, 'u') } }).then(() => 'good', codeOf);
    expect(await matching('https://forge\\.example/shop/.*')).toBe('good');
    expect(await matching('https://forge\\.example/shop/')).toBe('SIGNATURE_REFUSED');
    expect(await matching('shop/.*')).toBe('SIGNATURE_REFUSED');
  });

  test.each<[string, () => Promise<(payload: Buffer) => Promise<KeylessSignature>>, RegExp]>([
    [
      'by somebody else',
      async () => (p) => authority.sign(p, { ...WHO, email: 'eve@shop.example' }),
      /eve@shop.example, not by ci/,
    ],
    [
      'identified by somebody else',
      async () => (p) => authority.sign(p, { ...WHO, issuer: 'https://evil.example' }),
      /evil.example identified/,
    ],
    [
      'of another authority',
      async () => (p) => stranger.sign(p, WHO),
      /certificate chain|no trusted|no valid/i,
    ],
    [
      'with the certificate of a server',
      async () => (p) => authority.sign(p, { ...WHO, usage: 'server' }),
      /not for signing code/,
    ],
    [
      'another log saw',
      async () => async (p) => ({
        ...(await authority.sign(p, WHO)),
        rekorBundle: (await stranger.sign(p, WHO)).rekorBundle,
      }),
      /inclusion promise/,
    ],
    [
      'whose log entry is of another signature',
      async () => async (p) => ({
        ...(await authority.sign(p, WHO)),
        rekorBundle: (await authority.sign(p, WHO)).rekorBundle,
      }),
      /mismatch/,
    ],
    ['no log saw', async () => async (p) => ({ ...(await authority.sign(p, WHO)), rekorBundle: '' }), /.*/],
    [
      'of another text',
      async () => async () => await authority.sign(Buffer.from('another'), WHO),
      /mismatch|failed/,
    ],
  ])('one %s does not count', async (_what, signer, problem) => {
    await using place = await signedPlace(await signer());
    const thrown: unknown = await verify(place).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'SIGNATURE_REFUSED') && thrown.findings.join('\n')).toMatch(problem);
  });

  test('a policy names authority, log and person', async () => {
    await using place = await signedPlace((payload) => authority.sign(payload, WHO));
    const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
    const verdict = async (changes: object, logPem: string = authority.logPublicPem): Promise<string> => {
      const fulcio = {
        caData: base64(authority.rootPem),
        oidcIssuer: WHO.issuer,
        subjectEmail: WHO.email,
        ...changes,
      };
      const requirement = { type: 'sigstoreSigned', fulcio, rekorPublicKeyData: base64(logPem) };
      const signedIdentity = { type: 'exactReference', dockerReference: NAME };
      const text = JSON.stringify({ default: [{ ...requirement, signedIdentity }] });
      const policy = await parsePolicy(text, 'policy.json');
      return (await checkPolicy(place.reference, place.image, { policy: { path: 'policy.json', policy } }))
        .kind;
    };
    expect(await verdict({})).toBe('verified');
    expect(await verdict({ subjectEmail: 'eve@shop.example' })).toBe('refused');
    expect(await verdict({ oidcIssuer: 'https://evil.example' })).toBe('refused');
    expect(await verdict({ caData: base64(stranger.rootPem) })).toBe('refused');
    expect(await verdict({}, stranger.logPublicPem)).toBe('refused');
  });
});

test('whatever bit of it is changed, it does not count, and is refused in words', async () => {
  await using place = await emptyPlace();
  const payload = cosignPayload(NAME, place.image.manifestDigest);
  const good = await authority.sign(payload, WHO);
  const der = Buffer.from(good.certificate.replaceAll(/-----.*?-----|\s/g, ''), 'base64');
  const rekor = JSON.parse(good.rekorBundle) as { SignedEntryTimestamp: string; Payload: { body: string } };
  const parts = {
    payload,
    signature: good.signature,
    certificate: der,
    promise: Buffer.from(rekor.SignedEntryTimestamp, 'base64'),
    body: Buffer.from(rekor.Payload.body, 'base64'),
  };
  const verdictOf = async (changed: typeof parts): Promise<unknown> => {
    const pem = `-----BEGIN CERTIFICATE-----\n${changed.certificate.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const annotations = {
      'dev.cosignproject.cosign/signature': changed.signature.toString('base64'),
      'dev.sigstore.cosign/certificate': pem,
      'dev.sigstore.cosign/bundle': JSON.stringify({
        SignedEntryTimestamp: changed.promise.toString('base64'),
        Payload: { ...rekor.Payload, body: changed.body.toString('base64') },
      }),
    };
    await using layout = await openLayoutWriter(place.reference.path);
    const tag = `${place.image.manifestDigest.replace(':', '-')}.sig`;
    await attachByTag(layout, tag, [{ payload: changed.payload, annotations }]);
    return await verify(place).then(() => 'good', codeOf);
  };
  expect(await verdictOf(parts)).toBe('good');
  // How many bits of the signature in the certificate do not count: the one byte of it that neither is signed nor signs.
  const spare = der.length - signatureBytes(der) - 1;
  for (const bits of [1, 2, 4, 7]) {
    const certificate = Buffer.from(der);
    certificate.writeUInt8(bits, spare);
    expect(await verdictOf({ ...parts, certificate })).toBe('SIGNATURE_REFUSED');
  }
  const names = Object.keys(parts) as (keyof typeof parts)[];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (name, at, bits) => {
        const bytes = Buffer.from(parts[name]);
        const index = at % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(index) ^ bits, index);
        expect(await verdictOf({ ...parts, [name]: bytes })).toBe('SIGNATURE_REFUSED');
      },
    ),
    { numRuns: 60 },
  );
});

test('under a policy with a certificate authority alone, the certificate must be good now', async () => {
  await using place = await signedPlace((payload) => authority.sign(payload, WHO));
  const verdict = async (nowMs: number, subjectEmail: string = WHO.email): Promise<string> => {
    const pki = { caRootsData: Buffer.from(authority.rootPem).toString('base64'), subjectEmail };
    const signedIdentity = { type: 'exactReference', dockerReference: NAME };
    const text = JSON.stringify({ default: [{ type: 'sigstoreSigned', pki, signedIdentity }] });
    const policy = { path: 'policy.json', policy: await parsePolicy(text, 'policy.json') };
    return (await checkPolicy(place.reference, place.image, { policy, clock: { nowMs: () => nowMs } })).kind;
  };
  const signedAt = Date.UTC(2026, 0, 2, 3, 4, 5);
  expect(await verdict(signedAt)).toBe('verified');
  expect(await verdict(signedAt, 'eve@shop.example')).toBe('refused');
  expect(await verdict(signedAt + 3_600_000)).toBe('refused');
});

describe('as a sigstore bundle that refers to the image', () => {
  test('it holds for the manifest it signs, and for no other', async () => {
    await using place = await emptyPlace();
    await attachBundle(place, await bundleOf(place.image.manifestBytes, place.image.manifestDigest));
    expect((await verify(place)).accepted).toMatchObject([
      { format: 'sigstore-bundle', signer: { subject: WHO.email }, seenAt: '2026-01-02T03:04:05.000Z' },
    ]);
  });

  test('one of something else does not', async () => {
    await using place = await emptyPlace();
    const other = Buffer.from('another manifest');
    await attachBundle(place, await bundleOf(other, digestOf(other)));
    const thrown: unknown = await verify(place).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'SIGNATURE_REFUSED') && thrown.findings.join()).toContain('something else');
  });

  test('nonsense does not either', async () => {
    await using place = await emptyPlace();
    await attachBundle(place, '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}');
    expect(await verify(place).then(() => 'good', codeOf)).toBe('SIGNATURE_REFUSED');
  });
});

interface Place extends AsyncDisposable {
  readonly reference: LayoutReference;
  readonly image: ResolvedImage;
}

async function emptyPlace(): Promise<Place> {
  const dir = await makeTempDir('keyless');
  const path = join(dir.path, 'layout');
  await using layout = await openLayoutWriter(path);
  await writeSmallImage(layout, 'v1', { bulkBytes: 100 });
  const reference = parseReference(`oci:${path}:v1`);
  if (reference.kind !== 'oci') throw new Error('not a layout');
  const image = await layoutSource(reference).resolve('amd64');
  return { reference, image, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

async function signedPlace(signer: (payload: Buffer) => Promise<KeylessSignature>): Promise<Place> {
  const place = await emptyPlace();
  const payload = cosignPayload(NAME, place.image.manifestDigest);
  const { signature, certificate, chain, rekorBundle } = await signer(payload);
  const annotations = {
    'dev.cosignproject.cosign/signature': signature.toString('base64'),
    'dev.sigstore.cosign/certificate': certificate,
    'dev.sigstore.cosign/chain': chain,
    ...(rekorBundle === '' ? {} : { 'dev.sigstore.cosign/bundle': rekorBundle }),
  };
  await using layout = await openLayoutWriter(place.reference.path);
  const tag = `${place.image.manifestDigest.replace(':', '-')}.sig`;
  await attachByTag(layout, tag, [{ payload, annotations }]);
  return place;
}

async function bundleOf(signed: Uint8Array, digest: Digest): Promise<string> {
  const { signature, certificate, logEntry } = await authority.sign(signed, WHO);
  const rawBytes = certificate.replaceAll(/-----.*?-----|\s/g, '');
  const sha256 = Buffer.from(digest.slice('sha256:'.length), 'hex').toString('base64');
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { certificate: { rawBytes }, tlogEntries: [logEntry] },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: sha256 },
      signature: signature.toString('base64'),
    },
  });
}

async function attachBundle({ reference, image }: Place, text: string): Promise<void> {
  const type = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  const bundle = Buffer.from(text);
  const empty = Buffer.from('{}');
  const layer = { mediaType: type, digest: digestOf(bundle), size: bundle.length };
  const config = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(empty),
    size: empty.length,
  };
  await using layout = await openLayoutWriter(reference.path);
  await layout.putBlob(layer, () => bytesOf(bundle));
  await layout.putBlob(config, () => bytesOf(empty));
  const subject = {
    mediaType: image.manifest.mediaType,
    digest: image.manifestDigest,
    size: image.manifestBytes.length,
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: type,
    config,
    layers: [layer],
    subject,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = await layout.putManifest(bytes, MEDIA_TYPES.manifest, undefined);
  await layout.setTag('bundle', {
    mediaType: MEDIA_TYPES.manifest,
    artifactType: type,
    digest,
    size: bytes.length,
  });
}

async function verify(
  { reference, image }: Place,
  changes: { readonly subject?: { readonly matching: RegExp } } = {},
): ReturnType<typeof verifyImage> {
  const trustedRoot = { text: authority.trustedRoot, source: 'trusted_root.json' };
  return await verifyImage(reference, image, {
    kind: 'identity',
    trustedRoot,
    subject: SUBJECT,
    issuer: ISSUER,
    ...changes,
  });
}

function codeOf(thrown: unknown): unknown {
  return isSlipwayError(thrown) ? thrown.code : thrown;
}

/** Length of the signature at the end of a certificate: a BIT STRING of at most 127 bytes, its count of spare bits left out. */
function signatureBytes(der: Buffer): number {
  for (let length = 0; length < 127; length += 1) {
    const at = der.length - length - 3;
    if (der[at] === 0x03 && der[at + 1] === length + 1 && der[at + 2] === 0 && der[at + 3] === 0x30)
      return length;
  }
  throw new Error('internal error: the certificate ends with no signature');
}
