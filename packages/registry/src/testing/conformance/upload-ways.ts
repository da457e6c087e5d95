import { expect } from 'vitest';
import type { RawRequest } from '../raw-client.ts';
import { bytesFor, digestOf, type RegistryUser, withDigest } from '../registry-user.ts';
import { type ConformanceCase, chunk, part, pulled } from './case.ts';

/** Sends a blob up to its last request, which closes the upload: whether that succeeds is for the case to say. */
type Way = (user: RegistryUser, bytes: Buffer, digest: string) => Promise<RawRequest>;

const HEADERS = { 'content-type': 'application/octet-stream' } as const;
const ALGORITHMS = ['sha256', 'sha512'] as const;
/** Three chunks, the last a shorter one. */
const BLOB_BYTES = 3 * 1024 - 5;
const CHUNK_BYTES = 1024;

/** Every way the specification knows to push a blob. */
const WAYS: Readonly<Record<string, Way>> = {
  'one POST': async (_user, bytes, digest) => ({
    method: 'POST',
    path: `blobs/uploads/?digest=${digest}`,
    headers: HEADERS,
    body: bytes,
  }),
  'a POST and a PUT': async (user, bytes, digest) => ({
    method: 'PUT',
    path: withDigest(await user.begin(), digest),
    headers: HEADERS,
    body: bytes,
  }),
  'a single chunk': async (user, bytes, digest) => {
    const place = await sendChunks(user, bytes, { chunkBytes: bytes.length });
    return { method: 'PUT', path: withDigest(place, digest) };
  },
  'three chunks': async (user, bytes, digest) => {
    const place = await sendChunks(user, bytes, {});
    return { method: 'PUT', path: withDigest(place, digest) };
  },
  'three chunks, the last with the PUT': async (user, bytes, digest) =>
    lastChunk(bytes, withDigest(await sendChunks(user, bytes, { leavesLast: true }), digest)),
  'chunks sent in a wrong order first': async (user, bytes, digest) => {
    const place = await sendChunks(user, bytes, { isWrongFirst: true });
    return { method: 'PUT', path: withDigest(place, digest) };
  },
  'chunks sent in a wrong order first, the last with the PUT': async (user, bytes, digest) => {
    const place = await sendChunks(user, bytes, { isWrongFirst: true, leavesLast: true });
    await user.expect(416, { ...chunk(withDigest(place, digest), bytes, 0, CHUNK_BYTES), method: 'PUT' });
    const status = await user.expect(204, { path: place });
    return lastChunk(bytes, withDigest(user.place(status), digest));
  },
  'a stream': async (user, bytes, digest) => {
    const stream = { method: 'PATCH', path: await user.begin(), headers: HEADERS, body: [bytes] } as const;
    return { method: 'PUT', path: withDigest(user.place(await user.expect(202, stream)), digest) };
  },
};

/** Every way to push a blob with every digest: what is right is there, what is wrong is not. */
export const UPLOAD_WAY_CASES: readonly ConformanceCase[] = Object.entries(WAYS).flatMap(([name, way]) =>
  ALGORITHMS.flatMap((algorithm) =>
    part('push', {
      [`a blob (${algorithm}) by ${name}, read in every way and deleted`]: async (user) => {
        await livesAndDies(user, bytesFor(`${name} ${algorithm}`, BLOB_BYTES), algorithm, way);
      },
      [`a blob (${algorithm}) by ${name} that is another than its digest says`]: async (user) => {
        await isRefused(user, bytesFor(`${name} ${algorithm} bad`, BLOB_BYTES), algorithm, way);
      },
    }),
  ),
);

type Algorithm = (typeof ALGORITHMS)[number];

async function livesAndDies(
  user: RegistryUser,
  bytes: Buffer,
  algorithm: Algorithm,
  way: Way,
): Promise<void> {
  const digest = digestOf(bytes, algorithm);
  const answer = await user.expect(201, await way(user, bytes, digest));
  expect(answer.headers['docker-content-digest']).toBe(digest);
  expect((await user.expect(200, { path: user.place(answer) })).body.equals(bytes)).toBe(true);
  await pulled(user, bytes, digest);
  const path = `blobs/${digest}`;
  const { headers } = await user.expect(200, { method: 'HEAD', path });
  expect(headers).toMatchObject({ 'content-length': String(bytes.length), 'docker-content-digest': digest });
  const some = await user.expect(206, { path, headers: { range: 'bytes=500-1499' } });
  expect(some.headers).toMatchObject({
    'content-length': '1000',
    'content-range': `bytes 500-1499/${bytes.length}`,
  });
  expect(some.body.equals(bytes.subarray(500, 1500))).toBe(true);
  await user.expect(202, { method: 'DELETE', path });
  await user.expect(404, { method: 'HEAD', path });
}

async function isRefused(user: RegistryUser, bytes: Buffer, algorithm: Algorithm, way: Way): Promise<void> {
  const digest = digestOf(Buffer.concat([bytes, Buffer.from('not')]), algorithm);
  await user.refused(400, 'DIGEST_INVALID', await way(user, bytes, digest));
  await user.expect(404, { method: 'HEAD', path: `blobs/${digest}` });
}

interface Chunking {
  readonly chunkBytes?: number;
  /** All but the last chunk is sent. */
  readonly leavesLast?: boolean;
  /** Before each chunk one is sent that is not its turn. */
  readonly isWrongFirst?: boolean;
}

/** Where the upload goes on. */
async function sendChunks(
  user: RegistryUser,
  bytes: Buffer,
  { chunkBytes = CHUNK_BYTES, leavesLast = false, isWrongFirst = false }: Chunking,
): Promise<string> {
  let place = await user.begin();
  for (let first = 0; first < bytes.length; first += chunkBytes) {
    const end = Math.min(first + chunkBytes, bytes.length);
    if (leavesLast && end === bytes.length) break;
    if (isWrongFirst) place = await sendWrongChunk(user, bytes, place, first);
    place = user.place(await user.expect(202, chunk(place, bytes, first, end)));
  }
  return place;
}

/** One further on, or the first once more; then the registry says where it is. */
async function sendWrongChunk(
  user: RegistryUser,
  bytes: Buffer,
  place: string,
  first: number,
): Promise<string> {
  const next = first + CHUNK_BYTES;
  const wrong = next < bytes.length ? next : 0;
  await user.expect(416, chunk(place, bytes, wrong, Math.min(wrong + CHUNK_BYTES, bytes.length)));
  const status = await user.expect(204, { path: place });
  if (first > 0) expect(status.headers.range).toBe(`0-${first - 1}`);
  return user.place(status);
}

function lastChunk(bytes: Buffer, path: string): RawRequest {
  const first = Math.floor((bytes.length - 1) / CHUNK_BYTES) * CHUNK_BYTES;
  return { ...chunk(path, bytes, first, bytes.length), method: 'PUT' };
}
