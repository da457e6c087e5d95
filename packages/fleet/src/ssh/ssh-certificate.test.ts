import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { signSshCertificate } from './ssh-certificate.ts';
import { rawPublicKey, readSshPublicKey, sshKeyLine } from './ssh-public-key.ts';
import { readWireStrings, wireString } from './ssh-wire.ts';

const { publicKey } = generateKeyPairSync('ed25519');
const KEY = rawPublicKey(publicKey);

function line(...strings: readonly (string | Uint8Array)[]): string {
  return `ssh-ed25519 ${Buffer.concat(strings.map((each) => wireString(each))).toString('base64')}`;
}

test('reads the key of a line, whatever its comment', () => {
  expect(readSshPublicKey(sshKeyLine(KEY, 'anna at home'))).toEqual(KEY);
  expect(readSshPublicKey(`${line('ssh-ed25519', KEY)}\n`)).toEqual(KEY);
});

test.each([
  ['nothing', ''],
  ['words', 'ssh-ed25519 not base64'],
  ['a key of another kind', line('ssh-rsa', KEY)],
  ['another kind outside', line('ssh-ed25519', KEY).replace('ssh-ed25519', 'ssh-rsa')],
  ['a key that is short', line('ssh-ed25519', KEY.subarray(1))],
  ['more than a key', line('ssh-ed25519', KEY, 'more')],
  ['a length beyond its end', `ssh-ed25519 ${Buffer.from('ffffffff00', 'hex').toString('base64')}`],
  ['a certificate', signed().split(' ').slice(0, 2).join(' ')],
])('refuses %s', (_what, text) => {
  expect(() => readSshPublicKey(text)).toThrow(
    expect.objectContaining({ code: 'FLEET_CERTIFICATE_INVALID' }),
  );
});

test('no two certificates are alike', () => {
  expect(signed()).not.toBe(signed());
});

test('bytes that end within a string are none', () => {
  expect(readWireStrings(Buffer.from([0, 0, 0, 2, 65]))).toBeUndefined();
  expect(readWireStrings(Buffer.from([0, 0]))).toBeUndefined();
  expect(readWireStrings(Buffer.alloc(0))).toEqual([]);
});

function signed(): string {
  const authority = generateKeyPairSync('ed25519');
  const content = {
    kind: 'user',
    publicKey: KEY,
    serial: 1n,
    keyId: 'user:anna',
    principals: ['device:a'],
    fromMs: 0,
    untilMs: 1000,
    extensions: [],
  } as const;
  return signSshCertificate(content, authority.privateKey, authority.publicKey);
}
