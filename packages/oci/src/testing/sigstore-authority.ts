/**
 * A sigstore of a test's own: a certificate authority that identifies people, and a transparency log. Every signature is a real one; only
 * who is asked to believe it is the test. Certificates are from long ago, as they are when a host looks at them.
 */
import 'reflect-metadata';
import { createHash, generateKeyPairSync, KeyObject, sign, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { json } from '@sigstore/core';

/** Whom a certificate is for. */
export interface TestIdentity {
  readonly email?: string;
  readonly uri?: string;
  readonly issuer: string;
  /** Default `code`. */
  readonly usage?: 'code' | 'server';
}

/** A signature without a lasting key. */
export interface KeylessSignature {
  readonly signature: Buffer;
  readonly certificate: string;
  readonly chain: string;
  /** The promise of the log, as cosign writes it. */
  readonly rekorBundle: string;
  /** The same with a proof, as a sigstore bundle has it. */
  readonly logEntry: object;
}

/** An authority with a root, one below it that issues, and a log. */
export interface SigstoreAuthority {
  readonly rootPem: string;
  readonly logPublicPem: string;
  /** `trusted_root.json` */
  readonly trustedRoot: string;
  /**
   * Signs bytes with a new key, certified and logged.
   */
  sign(bytes: Uint8Array, identity: TestIdentity): Promise<KeylessSignature>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** RFC 5280, 4.2.1.12. */
const USAGES = { code: '1.3.6.1.5.5.7.3.3', server: '1.3.6.1.5.5.7.3.1' } as const;
/** Of Fulcio: who identified the subject, as plain text. */
const ISSUER = '1.3.6.1.4.1.57264.1.1';
const SIGNED_AT_MS: number = Date.UTC(2026, 0, 2, 3, 4, 5);
const FOREVER = { notBefore: new Date(Date.UTC(2020, 0)), notAfter: new Date(Date.UTC(2045, 0)) } as const;

/** Makes an authority. */
export async function makeSigstoreAuthority(): Promise<SigstoreAuthority> {
  x509.cryptoProvider.set(webcrypto);
  const [rootKeys, issuingKeys] = [await newKeys(), await newKeys()];
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...FOREVER,
    serialNumber: '01',
    name: 'CN=root.test,O=test',
    keys: rootKeys,
    signingAlgorithm: ALGORITHM,
    extensions: await authorityExtensions(rootKeys.publicKey, rootKeys.publicKey, 1),
  });
  const issuing = await x509.X509CertificateGenerator.create({
    ...FOREVER,
    serialNumber: '02',
    subject: 'CN=issuing.test,O=test',
    issuer: root.subject,
    publicKey: issuingKeys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: await authorityExtensions(issuingKeys.publicKey, rootKeys.publicKey, 0),
  });
  const log = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issue = async (identity: TestIdentity, key: CryptoKey): Promise<x509.X509Certificate> =>
    await x509.X509CertificateGenerator.create({
      notBefore: new Date(SIGNED_AT_MS - 60_000),
      notAfter: new Date(SIGNED_AT_MS + 600_000),
      serialNumber: createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16),
      issuer: issuing.subject,
      publicKey: key,
      signingKey: issuingKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: await leafExtensions(identity, key, issuingKeys.publicKey),
    });
  return {
    rootPem: `${root.toString('pem')}\n`,
    logPublicPem: log.publicKey.export({ type: 'spki', format: 'pem' }),
    trustedRoot: trustedRootOf([issuing, root], log.publicKey),
    async sign(bytes, identity) {
      const keys = await newKeys();
      const certificate = `${(await issue(identity, keys.publicKey)).toString('pem')}\n`;
      const signature = sign('sha256', bytes, KeyObject.from(keys.privateKey));
      const entry = logEntry(log, bytes, signature, certificate);
      return {
        signature,
        certificate,
        chain: `${issuing.toString('pem')}\n${root.toString('pem')}\n`,
        ...entry,
      };
    },
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function authorityExtensions(
  key: CryptoKey,
  issuer: CryptoKey,
  pathLength: number,
): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(key),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
  ];
}

async function leafExtensions(
  { email, uri, issuer, usage = 'code' }: TestIdentity,
  key: CryptoKey,
  authority: CryptoKey,
): Promise<x509.Extension[]> {
  const names: x509.JsonGeneralName[] = [];
  if (email !== undefined) names.push({ type: 'email', value: email });
  if (uri !== undefined) names.push({ type: 'url', value: uri });
  return [
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([USAGES[usage]]),
    new x509.SubjectAlternativeNameExtension(names, true),
    new x509.Extension(ISSUER, false, Buffer.from(issuer, 'utf8')),
    await x509.SubjectKeyIdentifierExtension.create(key),
    await x509.AuthorityKeyIdentifierExtension.create(authority),
  ];
}

/** What a log says of a signature: the promise to include it, and the proof that it did, being the only entry there is. */
function logEntry(
  { privateKey, publicKey }: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
  bytes: Uint8Array,
  signature: Buffer,
  certificate: string,
): Pick<KeylessSignature, 'rekorBundle' | 'logEntry'> {
  const body = Buffer.from(
    json.canonicalize({
      apiVersion: '0.0.1',
      kind: 'hashedrekord',
      spec: {
        data: { hash: { algorithm: 'sha256', value: sha256(bytes).toString('hex') } },
        signature: {
          content: signature.toString('base64'),
          publicKey: { content: Buffer.from(certificate, 'utf8').toString('base64') },
        },
      },
    }) ?? '',
    'utf8',
  );
  const keyId = sha256(publicKey.export({ type: 'spki', format: 'der' }));
  const integratedTime = SIGNED_AT_MS / 1000;
  const payload = {
    body: body.toString('base64'),
    integratedTime,
    logIndex: 0,
    logID: keyId.toString('hex'),
  };
  const promise = sign('sha256', Buffer.from(json.canonicalize(payload) ?? '', 'utf8'), privateKey).toString(
    'base64',
  );
  const rootHash = sha256(Buffer.concat([Buffer.from([0]), body]));
  const note = `rekor.test - 1\n1\n${rootHash.toString('base64')}\n`;
  const noteSignature = Buffer.concat([
    keyId.subarray(0, 4),
    sign('sha256', Buffer.from(note, 'utf8'), privateKey),
  ]);
  return {
    rekorBundle: JSON.stringify({ SignedEntryTimestamp: promise, Payload: payload }),
    logEntry: {
      logIndex: '0',
      logId: { keyId: keyId.toString('base64') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: promise },
      inclusionProof: {
        logIndex: '0',
        treeSize: '1',
        rootHash: rootHash.toString('base64'),
        hashes: [],
        checkpoint: { envelope: `${note}\n— rekor.test ${noteSignature.toString('base64')}\n` },
      },
      canonicalizedBody: body.toString('base64'),
    },
  };
}

function trustedRootOf(chain: readonly x509.X509Certificate[], logKey: KeyObject): string {
  const der = logKey.export({ type: 'spki', format: 'der' });
  const validFor = { start: '2020-01-01T00:00:00Z' };
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: 'https://rekor.test',
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: der.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
        logId: { keyId: sha256(der).toString('base64') },
      },
    ],
    certificateAuthorities: [
      {
        subject: { organization: 'test', commonName: 'issuing.test' },
        uri: 'https://fulcio.test',
        certChain: {
          certificates: chain.map((each) => ({ rawBytes: Buffer.from(each.rawData).toString('base64') })),
        },
        validFor,
      },
    ],
    ctlogs: [],
    timestampAuthorities: [],
  });
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
