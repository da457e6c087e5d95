import { generateKeyPairSync } from 'node:crypto';
import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openBox } from './encrypted-key.ts';
import { judge } from './gpg.ts';
import { generateKeyPair, parsePrivateKey } from './private-key.ts';
import { isSignedBy, parsePublicKey } from './public-key.ts';

const TEXT = Buffer.from('what is signed');
const noPassword = (): Promise<undefined> => Promise.resolve(undefined);

describe('a private key', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed25519 = generateKeyPairSync('ed25519');

  test.each([
    ['PKCS #8, ECDSA', ec.privateKey.export({ type: 'pkcs8', format: 'pem' }), ec.publicKey],
    ['SEC 1', ec.privateKey.export({ type: 'sec1', format: 'pem' }), ec.publicKey],
    ['PKCS #8, RSA', rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }), rsa.publicKey],
    ['PKCS #1', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }), rsa.publicKey],
    ['PKCS #8, Ed25519', ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }), ed25519.publicKey],
  ])('in %s signs what its public key verifies, and nothing else', async (_form, pem, publicKey) => {
    const key = await parsePrivateKey(pem, noPassword, 'key');
    const trusted = parsePublicKey(publicKey.export({ type: 'spki', format: 'pem' }), 'pub');
    const signature = key.sign(TEXT);
    expect(isSignedBy(trusted, TEXT, signature)).toBe(true);
    expect(isSignedBy(trusted, Buffer.from('another'), signature)).toBe(false);
    expect(isSignedBy(trusted, TEXT, signature.subarray(1))).toBe(false);
    expect(key.publicKey.fingerprint).toBe(trusted.fingerprint);
  });

  test('encrypted as cosign does, or in PKCS #8, opens with its password only', async () => {
    const { privatePem, publicPem } = await generateKeyPair('right');
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'right' } as const;
    const pkcs8 = ec.privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher });
    for (const pem of [privatePem, pkcs8]) {
      const open = (password: string | undefined): Promise<unknown> =>
        parsePrivateKey(pem, () => Promise.resolve(password), 'key').then(
          () => 'open',
          (thrown: unknown) => (isSlipwayError(thrown) ? thrown.code : thrown),
        );
      expect(await open('right')).toBe('open');
      expect(await open('wrong')).toBe('SIGNATURE_PASSWORD_WRONG');
      expect(await open(undefined)).toBe('SIGNATURE_PASSWORD_WRONG');
    }
    const key = await parsePrivateKey(privatePem, () => Promise.resolve('right'), 'key');
    expect(isSignedBy(parsePublicKey(publicPem, 'pub'), TEXT, key.sign(TEXT))).toBe(true);
  });

  test.each([
    ['a public key', ec.publicKey.export({ type: 'spki', format: 'pem' })],
    ['nothing', ''],
    [
      'a box of nonsense',
      '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nYQ==\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n',
    ],
    [
      'a key for encryption',
      generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ],
  ])('is not %s', async (_what, pem) => {
    const thrown: unknown = await parsePrivateKey(pem, () => Promise.resolve('p'), 'key').catch(
      (error: unknown) => error,
    );
    expect(isSlipwayError(thrown, 'SIGNATURE_KEY_INVALID')).toBe(true);
  });

  test('whose box asks for more memory than a key needs is refused before it gets any', async () => {
    const kdf = { name: 'scrypt', params: { N: 2 ** 30, r: 8, p: 1 }, salt: 'YQ==' };
    const box = { kdf, cipher: { name: 'nacl/secretbox', nonce: 'YQ==' }, ciphertext: 'YQ==' };
    expect(await openBox(JSON.stringify(box), 'p')).toEqual({ kind: 'no-box' });
  });
});

test.each([
  ['a private key', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })],
  [
    'RSA with too few bits',
    generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }),
  ],
  ['nonsense', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
])('a public key is not %s', (_what, pem) => {
  expect(() => parsePublicKey(pem, 'pub')).toThrow(/cannot use the key pub/);
});

describe('gpgv is believed only when all it says is good', () => {
  const NEW = '[GNUPG:] NEWSIG a@example.org\n';
  const GOOD = '[GNUPG:] GOODSIG C090F22CB48404CE A B <a@example.org>\n';
  const VALID =
    '[GNUPG:] VALIDSIG 4DA2B58C6CC80335F1E54183C090F22CB48404CE 2026-11-21 1795226963 0 4 0 22 8 00 4DA2\n';

  test('one good signature', () => {
    expect(judge(NEW + GOOD + VALID)).toEqual({
      kind: 'good',
      fingerprint: '4DA2B58C6CC80335F1E54183C090F22CB48404CE',
      userId: 'A B <a@example.org>',
    });
  });

  test.each([
    ['nothing', ''],
    ['no validity', NEW + GOOD],
    ['two signatures', NEW + GOOD + VALID + NEW + GOOD + VALID],
    ['a good and a bad one', `${NEW}${GOOD}${VALID}${NEW}[GNUPG:] BADSIG 1 x\n`],
    ['a good and an unknown one', `${NEW}${GOOD}${VALID}${NEW}[GNUPG:] ERRSIG 1 22 8 00 1 9 1\n`],
    ['an expired key', `${NEW}[GNUPG:] EXPKEYSIG 1 x\n${VALID}`],
    ['a revoked key', `${NEW}[GNUPG:] REVKEYSIG 1 x\n${VALID}`],
    ['words of somebody else', 'gpgv: Good signature\nGOODSIG 1 x\nVALIDSIG 1\n'],
  ])('%s', (_what, status) => {
    expect(judge(status).kind).toBe('bad');
  });

  test('whatever it says, one word of a problem outweighs it', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([NEW, GOOD, VALID, '[GNUPG:] BADSIG 1 x\n']), (lines) => {
        const isGood = judge(lines.join('')).kind === 'good';
        expect(isGood).toBe(
          lines.includes(GOOD) && lines.includes(VALID) && !lines.some((line) => line.includes('BADSIG')),
        );
      }),
    );
  });
});
