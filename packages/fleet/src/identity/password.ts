import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** Cost 2^15: about 60 ms and 32 MiB a try. */
const COST = { N: 32_768, r: 8, p: 1, maxmem: 64 * 2 ** 20 };
const KEY_BYTES = 32;

/** `scrypt$N$r$p$salt$key`, salt and key base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$');
}

/** Takes as long whether there is such a user or not. An empty hash is no password: none is right. */
export async function verifyPassword(password: string, kept: string | undefined): Promise<boolean> {
  const hash = kept === '' ? undefined : kept;
  const [kind, n, r, p, salt = '', key = ''] = (hash ?? NOBODY).split('$');
  const expected = Buffer.from(key, 'base64url');
  const cost = { N: Number(n), r: Number(r), p: Number(p), maxmem: COST.maxmem };
  const found = await derive(password, Buffer.from(salt, 'base64url'), cost);
  return (
    kind === 'scrypt' &&
    hash !== undefined &&
    expected.length === KEY_BYTES &&
    timingSafeEqual(found, expected)
  );
}

const NOBODY = `scrypt$${COST.N}$${COST.r}$${COST.p}$AAAAAAAAAAAAAAAAAAAAAA$${Buffer.alloc(KEY_BYTES).toString('base64url')}`;

async function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(password.normalize('NFKC'), salt, KEY_BYTES, cost, (error, key) =>
    error === null ? resolve(key) : reject(error),
  );
  return await promise;
}
