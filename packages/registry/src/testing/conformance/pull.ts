import { expect } from 'vitest';
import { bytesFor, digestOf, OCI_MANIFEST } from '../registry-user.ts';
import { type ConformanceCase, NOWHERE, part, pullable } from './case.ts';

/** That it is a registry, and pulling. */
export const PULL_CASES: readonly ConformanceCase[] = [
  ...part('support', {
    'GET /v2/ says that the specification is spoken here': async (user) => {
      const { headers } = await user.expect(200, { path: '/v2/' });
      expect(headers['docker-distribution-api-version']).toBe('registry/2.0');
    },
    'an unknown repository is 404': async (user) => {
      await user.refused(404, 'NAME_UNKNOWN', { path: 'tags/list' });
      await user.expect(404, { path: 'manifests/v1' });
      await user.expect(404, { path: `blobs/${NOWHERE}` });
    },
  }),
  ...part('pull', {
    'a blob that is not there': async (user) => {
      await user.expect(404, { method: 'HEAD', path: `blobs/${NOWHERE}` });
      await user.refused(404, 'BLOB_UNKNOWN', { path: `blobs/${NOWHERE}` });
    },
    'a blob': async (user) => {
      const bytes = bytesFor('a blob');
      await user.pushBlob(bytes);
      const path = `blobs/${digestOf(bytes)}`;
      const head = await user.expect(200, { method: 'HEAD', path });
      expect(head.headers).toMatchObject({
        'content-length': String(bytes.length),
        'docker-content-digest': digestOf(bytes),
      });
      expect(head.body).toHaveLength(0);
      const get = await user.expect(200, { path });
      expect(get.body.equals(bytes)).toBe(true);
      expect(get.headers['docker-content-digest']).toBe(digestOf(bytes));
    },
    'parts of a blob': async (user) => {
      const bytes = bytesFor('parts', 1000);
      await user.pushBlob(bytes);
      const path = `blobs/${digestOf(bytes)}`;
      for (const [range, first, end] of [
        ['bytes=0-0', 0, 1],
        ['bytes=100-199', 100, 200],
        ['bytes=990-', 990, 1000],
        ['bytes=-10', 990, 1000],
        ['bytes=900-5000', 900, 1000],
      ] as const) {
        const { headers, body } = await user.expect(206, { path, headers: { range } });
        expect(headers['content-range']).toBe(`bytes ${first}-${end - 1}/1000`);
        expect(body.equals(bytes.subarray(first, end))).toBe(true);
      }
      for (const range of ['bytes=1000-', 'bytes=5000-10000', 'bytes=500-0'])
        await user.expect(416, { path, headers: { range } });
    },
    'a manifest that is not there': async (user) => {
      await user.pushManifest(await user.image('there'), 'v1');
      for (const reference of ['v2', NOWHERE, '.INVALID_MANIFEST_NAME']) {
        await user.expect(404, { method: 'HEAD', path: `manifests/${reference}` });
        await user.expect(404, { path: `manifests/${reference}` });
      }
      await user.refused(404, 'MANIFEST_UNKNOWN', { path: 'manifests/v2' });
      await user.expect([400, 404], { path: 'manifests/sha256:baddigeststring' });
    },
    'a manifest by tag and by digest': async (user) => {
      const image = await user.image('by tag');
      await user.pushManifest(image, 'v1');
      for (const reference of ['v1', image.digest]) await pullable(user, image, `manifests/${reference}`);
    },
    'a client that has a manifest already': async (user) => {
      const image = await user.image('etag');
      await user.pushManifest(image, 'v1');
      const accept = OCI_MANIFEST;
      const { headers } = await user.expect(200, { path: 'manifests/v1', headers: { accept } });
      const again = await user.expect(304, {
        path: 'manifests/v1',
        headers: { accept, 'if-none-match': headers.etag ?? '' },
      });
      expect(again.body).toHaveLength(0);
    },
  }),
];
