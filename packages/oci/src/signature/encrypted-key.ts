/**
 * Private keys as cosign encrypts them: PKCS #8 in NaCl's secretbox under a key scrypt makes of the password (go-securesystemslib,
 * package encrypted). Apart, because its libraries cost time to load.
 */
import { randomBytes, scrypt } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import * as z from 'zod';

const boxSchema = z.object({
  kdf: z.object({
    name: z.literal('scrypt'),
    // What takes more than 1 GiB is no key but an attack.
    params: z.object({
      N: z
        .int()
        .min(2)
        .max(2 ** 20),
      r: z.int().min(1).max(8),
      p: z.int().min(1).max(4),
    }),
    salt: z.base64(),
  }),
  cipher: z.object({ name: z.literal('nacl/secretbox'), nonce: z.base64() }),
  ciphertext: z.base64(),
});

/** What cosign reads in every version. */
const NEW_KEY_SCRYPT = { N: 65_536, r: 8, p: 1 } as const;
const BOX_KEY_BYTES = 32;
const BOX_NONCE_BYTES = 24;

/** What came of opening a box. */
export type OpenedBox =
  | { readonly kind: 'opened'; readonly plain: Buffer }
  | { readonly kind: 'wrong-password' }
  | { readonly kind: 'no-box' };

/** Decrypts what {@link sealBox} made, as text. */
export async function openBox(text: string, password: string): Promise<OpenedBox> {
  const box = boxSchema.safeParse(jsonOf(text));
  if (!box.success) return { kind: 'no-box' };
  const { kdf, cipher, ciphertext } = box.data;
  const nonce = Buffer.from(cipher.nonce, 'base64');
  if (nonce.length !== BOX_NONCE_BYTES) return { kind: 'no-box' };
  const secret = await derive(password, Buffer.from(kdf.salt, 'base64'), kdf.params);
  try {
    const plain = xsalsa20poly1305(secret, nonce).decrypt(Buffer.from(ciphertext, 'base64'));
    return { kind: 'opened', plain: Buffer.from(plain) };
  } catch {
    // Its authenticator does not fit: nothing else can be wrong.
    return { kind: 'wrong-password' };
  }
}

/** Encrypts bytes with a password. */
export async function sealBox(plain: Uint8Array, password: string): Promise<string> {
  const salt = randomBytes(32);
  const nonce = randomBytes(BOX_NONCE_BYTES);
  const secret = await derive(password, salt, NEW_KEY_SCRYPT);
  return JSON.stringify({
    kdf: { name: 'scrypt', params: NEW_KEY_SCRYPT, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(xsalsa20poly1305(secret, nonce).encrypt(plain)).toString('base64'),
  });
}

async function derive(
  password: string,
  salt: Buffer,
  { N, r, p }: { readonly N: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(password, salt, BOX_KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
    if (error === null) resolve(key);
    else reject(error);
  });
  return await promise;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
