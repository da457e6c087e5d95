import { expect } from 'vitest';
import { bytesFor, digestOf, withDigest } from '../registry-user.ts';
import { type ConformanceCase, chunk, NOWHERE, part, pulled } from './case.ts';

/** Pushing blobs. */
export const PUSH_BLOB_CASES: readonly ConformanceCase[] = [
  ...part('push', {
    'a blob by POST and PUT': async (user) => {
      const bytes = bytesFor('post and put');
      const answer = await user.pushBlob(bytes);
      expect((await user.expect(200, { path: user.place(answer) })).body.equals(bytes)).toBe(true);
    },
    'a blob by one POST': async (user) => {
      const bytes = bytesFor('one post');
      const path = `blobs/uploads/?digest=${digestOf(bytes)}`;
      const answer = await user.expect([201, 202], { method: 'POST', path, body: bytes });
      expect(answer.status).toBe(201);
      expect((await user.expect(200, { path: user.place(answer) })).body.equals(bytes)).toBe(true);
    },
    'a blob by one POST with the wrong digest': async (user) => {
      const path = `blobs/uploads/?digest=${NOWHERE}`;
      await user.refused(400, 'DIGEST_INVALID', { method: 'POST', path, body: bytesFor('one post') });
    },
    'a blob as a stream of unknown length': async (user) => {
      const [start, end] = [bytesFor('start', 70_000), bytesFor('end', 3)];
      const bytes = Buffer.concat([start, end]);
      const place = user.place(
        await user.expect(202, { method: 'PATCH', path: await user.begin(), body: [start, end] }),
      );
      await user.expect(201, { method: 'PUT', path: withDigest(place, digestOf(bytes)) });
      await pulled(user, bytes);
    },
    'a blob in chunks': async (user) => {
      const bytes = bytesFor('chunks', 3000);
      let place = await user.begin();
      for (const first of [0, 1000, 2000]) {
        const answer = await user.expect(202, chunk(place, bytes, first, first + 1000));
        expect(answer.headers.range).toBe(`0-${first + 999}`);
        place = user.place(answer);
        const status = await user.expect(204, { path: place });
        expect(status.headers.range).toBe(`0-${first + 999}`);
        place = user.place(status);
      }
      await user.expect(201, { method: 'PUT', path: withDigest(place, digestOf(bytes)) });
      await pulled(user, bytes);
    },
    'a blob whose last chunk comes with the PUT': async (user) => {
      const bytes = bytesFor('last chunk', 2000);
      const place = user.place(await user.expect(202, chunk(await user.begin(), bytes, 0, 1500)));
      const last = chunk(withDigest(place, digestOf(bytes)), bytes, 1500, 2000);
      await user.expect(201, { ...last, method: 'PUT' });
      await pulled(user, bytes);
    },
    'chunks out of order': async (user) => {
      const bytes = bytesFor('out of order', 3000);
      let place = await user.begin();
      await user.expect(416, chunk(place, bytes, 1000, 2000));
      place = user.place(await user.expect(202, chunk(place, bytes, 0, 1000)));
      await user.expect(416, chunk(place, bytes, 0, 1000));
      await user.expect(416, chunk(place, bytes, 2000, 3000));
      const status = await user.expect(204, { path: place });
      expect(status.headers.range).toBe('0-999');
      place = user.place(await user.expect(202, chunk(user.place(status), bytes, 1000, 3000)));
      await user.expect(201, { method: 'PUT', path: withDigest(place, digestOf(bytes)) });
      await pulled(user, bytes);
    },
    'an upload that is cancelled': async (user) => {
      const place = await user.begin();
      await user.expect(204, { method: 'DELETE', path: place });
      await user.refused(404, 'BLOB_UPLOAD_UNKNOWN', { path: place });
      await user.expect(404, { method: 'PATCH', path: place, body: 'x' });
      await user.expect(404, {
        method: 'PUT',
        path: withDigest(place, digestOf(Buffer.from('x'))),
        body: 'x',
      });
    },
    'bytes that are not those of the digest': async (user) => {
      const path = withDigest(await user.begin(), NOWHERE);
      await user.refused(400, 'DIGEST_INVALID', { method: 'PUT', path, body: bytesFor('other') });
      await user.expect(404, { path: `blobs/${NOWHERE}` });
    },
    'a digest that is none': async (user) => {
      for (const digest of ['sha256:baddigeststring', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'x']) {
        const path = withDigest(await user.begin(), digest);
        await user.refused(400, 'DIGEST_INVALID', { method: 'PUT', path, body: 'x' });
      }
      await user.expect(400, { method: 'PUT', path: await user.begin(), body: 'x' });
    },
    'the empty blob': async (user) => {
      const bytes = Buffer.alloc(0);
      await user.pushBlob(bytes);
      await pulled(user, bytes);
    },
    'a blob named by SHA-512': async (user) => {
      const bytes = bytesFor('sha512', 5000);
      await user.pushBlob(bytes, digestOf(bytes, 'sha512'));
      await pulled(user, bytes, digestOf(bytes, 'sha512'));
      const place = user.place(await user.expect(202, chunk(await user.begin(), bytes, 0, 5000)));
      await user.expect(201, { method: 'PUT', path: withDigest(place, digestOf(bytes, 'sha512')) });
    },
    'a blob of another repository, mounted': async (user, other) => {
      const bytes = bytesFor('mount');
      const digest = digestOf(bytes);
      await other.pushBlob(bytes);
      await user.expect(404, { path: `blobs/${digest}` });
      const path = `blobs/uploads/?mount=${digest}&from=${other.repository}`;
      const answer = await user.expect(201, { method: 'POST', path });
      expect((await user.expect(200, { path: user.place(answer) })).body.equals(bytes)).toBe(true);
    },
    'a blob mounted from wherever it is': async (user, other) => {
      const bytes = bytesFor('mount from anywhere');
      await other.pushBlob(bytes);
      const path = `blobs/uploads/?mount=${digestOf(bytes)}`;
      const answer = await user.expect([201, 202], { method: 'POST', path });
      expect(answer.status).toBe(201);
      await pulled(user, bytes);
    },
    'a mount that is not possible becomes an upload': async (user, other) => {
      const bytes = bytesFor('no mount');
      const query = `?mount=${digestOf(bytes)}&from=${other.repository}`;
      const path = withDigest(await user.begin(query), digestOf(bytes));
      await user.expect(201, { method: 'PUT', path, body: bytes });
      await pulled(user, bytes);
    },
    'chunks out of order, the last with the PUT': async (user) => {
      const bytes = bytesFor('out of order put', 3000);
      let place = user.place(await user.expect(202, chunk(await user.begin(), bytes, 0, 1000)));
      const early = chunk(withDigest(place, digestOf(bytes)), bytes, 2000, 3000);
      await user.expect(416, { ...early, method: 'PUT' });
      place = user.place(await user.expect(204, { path: place }));
      place = user.place(await user.expect(202, chunk(place, bytes, 1000, 2000)));
      const last = chunk(withDigest(place, digestOf(bytes)), bytes, 2000, 3000);
      await user.expect(201, { ...last, method: 'PUT' });
      await pulled(user, bytes);
    },
    'chunks, or a stream, that are not those of the digest': async (user) => {
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const bytes = bytesFor('bad digest', 2000);
        const digest = digestOf(bytesFor(`other ${algorithm}`), algorithm);
        let place = user.place(await user.expect(202, chunk(await user.begin(), bytes, 0, 2000)));
        await user.refused(400, 'DIGEST_INVALID', { method: 'PUT', path: withDigest(place, digest) });
        const stream = { method: 'PATCH', path: await user.begin(), body: [bytes] } as const;
        place = user.place(await user.expect(202, stream));
        await user.refused(400, 'DIGEST_INVALID', { method: 'PUT', path: withDigest(place, digest) });
        await user.expect(404, { path: `blobs/${digest}` });
      }
    },
    'the blob every artefact without content has': async (user) => {
      const bytes = Buffer.from('{}');
      for (const algorithm of ['sha256', 'sha512'] as const) {
        await user.pushBlob(bytes, digestOf(bytes, algorithm));
        await pulled(user, bytes, digestOf(bytes, algorithm));
      }
    },
  }),
];
