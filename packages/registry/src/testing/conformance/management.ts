import { expect } from 'vitest';
import { bytesFor, digestOf } from '../registry-user.ts';
import { type ConformanceCase, NOWHERE, part, pullable, pulled } from './case.ts';

/** Deletion. */
export const MANAGEMENT_CASES: readonly ConformanceCase[] = [
  ...part('management', {
    'a tag is deleted, its manifest stays': async (user) => {
      const image = await user.image('delete tag');
      for (const tag of ['v1', 'v2']) await user.pushManifest(image, tag);
      await user.expect(202, { method: 'DELETE', path: 'manifests/v1' });
      await user.expect(404, { method: 'HEAD', path: 'manifests/v1' });
      await pullable(user, image, 'manifests/v2');
      await pullable(user, image, `manifests/${image.digest}`);
      await user.expect(404, { method: 'DELETE', path: 'manifests/v1' });
    },
    'a manifest is deleted with its tags': async (user) => {
      const [image, other] = [await user.image('delete'), await user.image('stays')];
      for (const tag of ['v1', 'v2']) await user.pushManifest(image, tag);
      await user.pushManifest(other, 'v3');
      await user.expect(202, { method: 'DELETE', path: `manifests/${image.digest}` });
      for (const reference of ['v1', 'v2', image.digest]) {
        await user.refused(404, 'MANIFEST_UNKNOWN', { path: `manifests/${reference}` });
      }
      expect(await user.json('tags/list')).toMatchObject({ tags: ['v3'] });
      await user.expect(404, { method: 'DELETE', path: `manifests/${image.digest}` });
      await user.pushManifest(image, 'v1');
      await pullable(user, image, 'manifests/v1');
    },
    'a blob is deleted, here and nowhere else': async (user, other) => {
      const bytes = bytesFor('delete blob');
      const path = `blobs/${digestOf(bytes)}`;
      await user.pushBlob(bytes);
      await other.pushBlob(bytes);
      await user.expect(202, { method: 'DELETE', path });
      await user.expect(404, { method: 'HEAD', path });
      await user.refused(404, 'BLOB_UNKNOWN', { method: 'DELETE', path });
      await pulled(other, bytes);
      await user.pushBlob(bytes);
      await pulled(user, bytes);
    },
    'what is not there cannot be deleted': async (user) => {
      await user.expect(404, { method: 'DELETE', path: `manifests/${NOWHERE}` });
      await user.expect(404, { method: 'DELETE', path: `blobs/${NOWHERE}` });
    },
    'methods that make no sense': async (user) => {
      for (const [method, path] of [
        ['POST', 'manifests/v1'],
        ['PUT', `blobs/${NOWHERE}`],
        ['DELETE', 'tags/list'],
        ['PATCH', 'blobs/uploads/'],
      ] as const) {
        const { headers } = await user.expect(405, { method, path });
        expect(headers.allow).toBeTypeOf('string');
      }
    },
  }),
];
