import { expect } from 'vitest';
import {
  type Document,
  descriptorOf,
  digestOf,
  document,
  EMPTY,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from '../registry-user.ts';
import { type ConformanceCase, NOWHERE, part, pullable, push, referrers } from './case.ts';

/** Pushing manifests and indexes. */
export const PUSH_MANIFEST_CASES: readonly ConformanceCase[] = [
  ...part('push', {
    'a manifest by tag, by digest, and again': async (user) => {
      const image = await user.image('manifest');
      for (const reference of ['v1', image.digest, 'v1', 'another_Tag.1-x']) {
        const answer = await user.pushManifest(image, reference);
        expect(answer.headers['docker-content-digest']).toBe(image.digest);
        await pullable(user, image, user.place(answer));
      }
    },
    'a tag that moves': async (user) => {
      const [before, after] = [await user.image('before'), await user.image('after')];
      await user.pushManifest(before, 'latest');
      await user.pushManifest(after, 'latest');
      await pullable(user, after, 'manifests/latest');
      await pullable(user, before, `manifests/${before.digest}`);
    },
    'a manifest without layers': async (user) => {
      const config = Buffer.from('{"none":true}');
      await user.pushBlob(config);
      const json = { schemaVersion: 2, config: descriptorOf(OCI_CONFIG, config), layers: [] };
      const image = document(OCI_MANIFEST, { ...json, mediaType: OCI_MANIFEST });
      await user.pushManifest(image, 'v1');
      await pullable(user, image, 'manifests/v1');
    },
    'an artefact, with fields nobody knows and data in a descriptor': async (user) => {
      const empty = Buffer.from('{}');
      await user.pushBlob(empty);
      const artefact = document(OCI_MANIFEST, {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        artifactType: 'application/vnd.example.thing',
        config: { ...descriptorOf(EMPTY, empty), data: empty.toString('base64') },
        layers: [{ ...descriptorOf('text/plain', empty), urls: [] }],
        'org.example.unknown': { anything: [1, 2, null] },
      });
      await user.pushManifest(artefact, 'v1');
      await pullable(user, artefact, 'manifests/v1');
    },
    'an image whose layers are kept elsewhere': async (user) => {
      const config = Buffer.from('{"elsewhere":true}');
      await user.pushBlob(config);
      const layer = {
        mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
        digest: NOWHERE,
        size: 123,
        urls: ['https://store.example/blob'],
      };
      const image = document('application/vnd.docker.distribution.manifest.v2+json', {
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        config: descriptorOf('application/vnd.docker.container.image.v1+json', config),
        layers: [layer],
      });
      await user.pushManifest(image, 'v1');
      await pullable(user, image, 'manifests/v1');
    },
    "an index, and Docker's list": async (user) => {
      for (const [listType, imageType] of [
        [OCI_INDEX, OCI_MANIFEST],
        [
          'application/vnd.docker.distribution.manifest.list.v2+json',
          'application/vnd.docker.distribution.manifest.v2+json',
        ],
      ] as const) {
        const image = await user.image(listType, { mediaType: imageType });
        await user.pushManifest({ ...image, mediaType: imageType });
        const list = document(listType, {
          schemaVersion: 2,
          mediaType: listType,
          manifests: [
            { ...descriptorOf(imageType, image.bytes), platform: { architecture: 'amd64', os: 'linux' } },
          ],
        });
        await user.pushManifest(list, 'both');
        await pullable(user, list, 'manifests/both');
      }
    },
    'an index of artefacts without platforms, in an index': async (user) => {
      const image = await user.image('nested');
      await user.pushManifest(image);
      const inner = document(OCI_INDEX, {
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [descriptorOf(OCI_MANIFEST, image.bytes)],
      });
      await user.pushManifest(inner);
      const outer = document(OCI_INDEX, {
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [descriptorOf(OCI_INDEX, inner.bytes)],
      });
      await user.pushManifest(outer, 'outer');
      await pullable(user, outer, 'manifests/outer');
    },
    'a manifest whose parts are not there': async (user) => {
      const config = Buffer.from('{"config":true}');
      await user.pushBlob(config);
      const missing = { mediaType: OCI_LAYER, digest: NOWHERE, size: 23 };
      const image = document(OCI_MANIFEST, {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: descriptorOf(OCI_CONFIG, config),
        layers: [missing],
      });
      await user.refused([400, 404], 'MANIFEST_BLOB_UNKNOWN', push(image, 'v1'));
      const index = document(OCI_INDEX, {
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [{ ...missing, mediaType: OCI_MANIFEST }],
      });
      await user.refused([400, 404], 'MANIFEST_BLOB_UNKNOWN', push(index, 'v1'));
      await user.expect(404, { path: 'manifests/v1' });
    },
    'a manifest under the digest of another': async (user) => {
      const image = await user.image('another digest');
      await user.refused(400, 'DIGEST_INVALID', push(image, NOWHERE));
      await user.refused(400, 'DIGEST_INVALID', push(image, 'sha256:baddigeststring'));
    },
    'a manifest that is none': async (user) => {
      for (const text of ['', 'not JSON', '[]', '{}', '{"schemaVersion":2}', '\xff']) {
        const bytes = Buffer.from(text, 'latin1');
        const request = push({ bytes, mediaType: OCI_MANIFEST, digest: digestOf(bytes) }, 'v1');
        await user.refused(400, 'MANIFEST_INVALID', request);
      }
    },
    'a manifest that is both image and index, or neither': async (user) => {
      const image = await user.image('both');
      const both = { ...(JSON.parse(image.bytes.toString()) as object), manifests: [] };
      await user.refused(400, 'MANIFEST_INVALID', push(document(OCI_MANIFEST, both), 'v1'));
      await user.refused(400, 'MANIFEST_INVALID', push({ ...image, mediaType: OCI_INDEX }, 'v1'));
      await user.refused(400, 'MANIFEST_INVALID', push({ ...image, mediaType: 'text/html' }, 'v1'));
    },
    'a manifest of four megabytes, and one that is larger': async (user) => {
      const image = await user.image('large');
      const sized = (sizeBytes: number): Document => {
        const json = JSON.parse(image.bytes.toString()) as object;
        const annotations = { filler: 'x'.repeat(sizeBytes - image.bytes.length - 31) };
        return document(OCI_MANIFEST, { ...json, annotations });
      };
      const largest = sized(4 * 2 ** 20);
      expect(largest.bytes.length).toBeLessThanOrEqual(4 * 2 ** 20);
      await user.pushManifest(largest, 'v1');
      await user.expect(413, push(sized(4 * 2 ** 20 + 100), 'v2'));
    },
    'a manifest about another says so': async (user) => {
      const image = await user.image('subject');
      const subject = { mediaType: OCI_MANIFEST, digest: NOWHERE, size: 23 };
      const about = await user.image('about', { subject });
      const { headers } = await user.pushManifest(about);
      expect(headers['oci-subject']).toBe(NOWHERE);
      expect((await user.pushManifest(image)).headers['oci-subject']).toBeUndefined();
    },
    'an index of indexes, and one of nothing': async (user) => {
      const empty = document(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
      await user.pushManifest(empty, 'empty');
      await pullable(user, empty, 'manifests/empty');
      const image = await user.image('nested');
      await user.pushManifest(image);
      const list = (manifests: readonly Document[]): Document =>
        document(OCI_INDEX, {
          schemaVersion: 2,
          mediaType: OCI_INDEX,
          manifests: manifests.map(({ mediaType, bytes }) => descriptorOf(mediaType, bytes)),
        });
      const inner = list([image]);
      await user.pushManifest(inner);
      const outer = list([inner, empty]);
      await user.pushManifest(outer, 'nested');
      await pullable(user, outer, 'manifests/nested');
    },
    'a manifest named by SHA-512, with tags at once': async (user) => {
      const image = await user.image('sha512 manifest');
      const digest = digestOf(image.bytes, 'sha512');
      const request = push({ ...image, digest }, `${digest}?tag=long&tag=longer`);
      const answer = await user.expect(201, request);
      expect(answer.headers).toMatchObject({
        'docker-content-digest': digest,
        'oci-tag': 'long, longer',
      });
      for (const reference of [digest, 'long', 'longer']) {
        await pullable(user, { ...image, digest }, `manifests/${reference}`);
      }
      await user.expect(202, { method: 'DELETE', path: `manifests/${digest}` });
      for (const reference of [digest, 'long', 'longer'])
        await user.expect(404, { path: `manifests/${reference}` });
    },
    'tags that are none, beside a digest': async (user) => {
      const image = await user.image('bad tags');
      await user.refused(400, 'MANIFEST_INVALID', push(image, `${image.digest}?tag=.bad`));
      await user.expect(404, { path: `manifests/${image.digest}` });
    },
    'an image whose subject is not there': async (user) => {
      const subject = { mediaType: OCI_MANIFEST, digest: NOWHERE, size: 123 };
      const about = await user.image('subject is missing', { subject });
      await user.pushManifest(about, 'tagged');
      await pullable(user, about, 'manifests/tagged');
      expect(await referrers(user, { ...about, digest: NOWHERE })).toMatchObject([{ digest: about.digest }]);
    },
  }),
];
