/** Certificates as OpenSSL reads them, and requests of every kind of key. */
import 'reflect-metadata';
import { generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { settingMadeOnce } from '../database/setting.ts';
import { Authority } from './authority.ts';
import { readCertificateRequest } from './certificate-request.ts';

const NOW_MS = Date.parse('2026-01-02T03:04:05.678Z');
const DAY_MS = 86_400_000;
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const INVALID: unknown = expect.objectContaining({ code: 'FLEET_CERTIFICATE_INVALID' });
const clock = { nowMs: () => NOW_MS };

let directory: TempDir;
let authority: Authority;

beforeAll(async () => {
  directory = await makeTempDir('fleet-authority');
  authority = await open('new');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

async function open(name: string, kept?: object): Promise<Authority> {
  await using database = await openDatabase(join(directory.path, `${name}.db`));
  if (kept !== undefined) await settingMadeOnce(database, 'authority', JSON.stringify(kept));
  return await Authority.open(database, clock);
}

function newPublicKey(): x509.PublicKey {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new x509.PublicKey(publicKey.export({ type: 'spki', format: 'der' }));
}

/** Made by something else than what reads it. */
async function requestOf(
  algorithm: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams | webcrypto.Algorithm,
  digest: string,
): Promise<string> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const signingAlgorithm = { name: algorithm.name, hash: digest };
  const request = { name: 'O=somebody,CN=else', keys, signingAlgorithm };
  return (await x509.Pkcs10CertificateRequestGenerator.create(request, webcrypto)).toString('pem');
}

function pemOf(bytes: Uint8Array): string {
  return x509.PemConverter.encode(Uint8Array.from(bytes), 'CERTIFICATE REQUEST');
}

test('a certificate of a device says what it must, and nothing else', async () => {
  const publicKey = newPublicKey();
  const { certificate, serial, untilMs } = await authority.issueDevice(
    'dev',
    'my-organisation',
    publicKey,
    DAY_MS,
  );
  const read = new X509Certificate(certificate);
  const parent = new X509Certificate(authority.certificate);
  expect(read.checkIssued(parent) && read.verify(parent.publicKey)).toBe(true);
  expect(read.publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(publicKey.rawData));
  expect(read.subject).toBe('O=my-organisation\nCN=dev');
  expect(read.subjectAltName).toBe('URI:urn:slipway:device:dev');
  expect([read.ca, parent.ca, read.serialNumber]).toEqual([false, true, serial]);
  expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(untilMs).toBe(Date.parse('2026-01-03T03:04:05Z'));
  expect([read.validFrom, read.validTo]).toEqual(['Jan  2 02:04:05 2026 GMT', 'Jan  3 03:04:05 2026 GMT']);
  const [usage, constraints] = ['2.5.29.15', '2.5.29.19'].map((type) =>
    new x509.X509Certificate(certificate).getExtension(type),
  );
  expect([usage?.critical, constraints?.critical]).toEqual([true, true]);
  expect((usage as x509.KeyUsagesExtension).usages).toBe(x509.KeyUsageFlags.digitalSignature);
});

test('the authority signs certificates and lists of revoked ones, for who signs no others', () => {
  const read = new x509.X509Certificate(authority.certificate);
  const { usages } = read.getExtension('2.5.29.15') as x509.KeyUsagesExtension;
  expect(usages).toBe(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign);
  const { ca, pathLength } = read.getExtension('2.5.29.19') as x509.BasicConstraintsExtension;
  expect([ca, pathLength]).toEqual([true, 0]);
});

test('a certificate of a server has all names it is reached by', async () => {
  const names = ['fleet.example', '192.0.2.7', '::1', '2001:db8::5:0:0:1', 'fe80:1:2:3:4:5:6:7'];
  const { certificate } = await authority.issueServer(names, 100 * 365 * DAY_MS);
  const read = new X509Certificate(certificate);
  expect(names.filter((name) => read.checkHost(name) ?? read.checkIP(name))).toEqual(names);
  expect(read.validTo).toBe('Dec  9 03:04:05 2125 GMT');
});

test('an authority another version made goes on signing', async () => {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=Slipway fleet authority',
      notBefore: new Date(NOW_MS),
      notAfter: new Date(NOW_MS + DAY_MS),
      keys,
      signingAlgorithm: P256,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY');
  const kept = await open('older', { certificate: made.toString('pem'), key });
  expect(kept.certificate).toBe(made.toString('pem'));
  const { certificate } = await kept.issueDevice('dev', 'default', newPublicKey(), DAY_MS);
  const read = new X509Certificate(certificate);
  const parent = new X509Certificate(kept.certificate);
  expect(read.checkIssued(parent) && read.verify(parent.publicKey)).toBe(true);
});

test.each([
  ['P-256', P256, 'SHA-256'],
  ['P-384', { name: 'ECDSA', namedCurve: 'P-384' }, 'SHA-384'],
  ['Ed25519', { name: 'Ed25519' }, ''],
  [
    'RSA',
    {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    'SHA-256',
  ],
])('reads a request with a key of %s', async (_name, algorithm, digest) => {
  const pem = await requestOf(algorithm, digest);
  const { publicKey, deviceName } = await readCertificateRequest(pem);
  expect(Buffer.from(publicKey.rawData)).toEqual(
    Buffer.from(new x509.Pkcs10CertificateRequest(pem).publicKey.rawData),
  );
  expect(deviceName).toMatch(/^[a-z2-7]{26}$/);
});

test('refuses a request with a key that is too weak', async () => {
  const publicExponent = new Uint8Array([1, 0, 1]);
  const weak = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent, hash: 'SHA-256' };
  for (const algorithm of [weak, { name: 'ECDSA', namedCurve: 'P-521' }]) {
    const pem = await requestOf(algorithm, 'SHA-256');
    await expect(readCertificateRequest(pem)).rejects.toThrow(INVALID);
  }
});

test('refuses a request that was cut off or is something else', async () => {
  const pem = await requestOf(P256, 'SHA-256');
  const bytes = Buffer.from(x509.PemConverter.decodeFirst(pem));
  expect((await readCertificateRequest(pemOf(bytes))).fingerprint).toBe(
    (await readCertificateRequest(pem)).fingerprint,
  );
  for (let at = 0; at < bytes.length; at += 1) {
    await expect(readCertificateRequest(pemOf(bytes.subarray(0, at))), `cut at ${at}`).rejects.toThrow(
      INVALID,
    );
  }
  for (const text of ['', 'words', pemOf(Buffer.alloc(0))])
    await expect(readCertificateRequest(text)).rejects.toThrow(INVALID);
});

test('a changed request is refused, or asks the same of the same key', async () => {
  const pem = await requestOf(P256, 'SHA-256');
  const { fingerprint } = await readCertificateRequest(pem);
  const bytes = Buffer.from(x509.PemConverter.decodeFirst(pem));
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const read = await readCertificateRequest(pemOf(changed)).then(
      (request) => request.fingerprint,
      (thrown: unknown) => {
        expect(thrown).toEqual(INVALID);
        return fingerprint;
      },
    );
    expect(read, `byte ${at}`).toBe(fingerprint);
  }
});
