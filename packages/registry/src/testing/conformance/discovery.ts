import { expect } from 'vitest';
import { descriptorOf, document, nextPage, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../registry-user.ts';
import { type ConformanceCase, NOWHERE, part, referrers } from './case.ts';

/** Lists of tags, repositories and referrers. */
export const DISCOVERY_CASES: readonly ConformanceCase[] = [
  ...part('discovery', {
    'tags in their order, in pages': async (user) => {
      const image = await user.image('tags');
      for (const tag of ['v10', 'V2', 'latest', 'a', 'B', 'v1']) await user.pushManifest(image, tag);
      const all = ['a', 'B', 'latest', 'v1', 'v10', 'V2'];
      expect(await user.json('tags/list')).toEqual({ name: user.repository, tags: all });
      expect(await user.json('tags/list?n=100')).toMatchObject({ tags: all });
      expect(await user.json('tags/list?last=latest')).toMatchObject({ tags: ['v1', 'v10', 'V2'] });
      expect(await user.json('tags/list?n=2&last=B')).toMatchObject({ tags: ['latest', 'v1'] });
      expect(await user.json('tags/list?last=zzz')).toMatchObject({ tags: [] });
      const collected: string[] = [];
      for (let path: string | undefined = 'tags/list?n=4'; path !== undefined; ) {
        const page = await user.expect(200, { path });
        collected.push(...(JSON.parse(page.body.toString()) as { tags: string[] }).tags);
        path = nextPage(page);
      }
      expect(collected).toEqual(all);
    },
    'no tags are asked for': async (user) => {
      await user.pushManifest(await user.image('n=0'), 'v1');
      const page = await user.expect(200, { path: 'tags/list?n=0' });
      expect(JSON.parse(page.body.toString())).toMatchObject({ tags: [] });
      expect(page.headers['link']).toBeUndefined();
      await user.expect(400, { path: 'tags/list?n=many' });
    },
    'a repository without tags': async (user) => {
      await user.pushManifest(await user.image('untagged'));
      expect(await user.json('tags/list')).toEqual({ name: user.repository, tags: [] });
    },
    'all repositories, in pages': async (user, other) => {
      await user.pushManifest(await user.image('catalog'), 'v1');
      await other.pushManifest(await other.image('catalog'), 'v1');
      const collected: string[] = [];
      for (let path: string | undefined = '/v2/_catalog?n=1'; path !== undefined; ) {
        const page = await user.expect(200, { path });
        const { repositories } = JSON.parse(page.body.toString()) as { repositories: string[] };
        expect(repositories.length).toBeLessThanOrEqual(1);
        collected.push(...repositories);
        path = nextPage(page);
      }
      expect(collected).toEqual(expect.arrayContaining([user.repository, other.repository]));
      expect(new Set(collected).size).toBe(collected.length);
    },
    'nothing is about a manifest': async (user) => {
      const answer = await user.expect(200, { path: `referrers/${NOWHERE}` });
      expect(answer.headers['content-type']).toBe(OCI_INDEX);
      expect(JSON.parse(answer.body.toString())).toEqual({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [],
      });
      await user.expect(400, { path: 'referrers/sha256:bad' });
    },
    'what is about a manifest': async (user) => {
      const image = await user.image('has referrers');
      const early = await user.referrer(image, 'application/vnd.example.sbom', { 'org.example.a': 'b' });
      await user.pushManifest(image, 'v1');
      const late = await user.referrer(image, 'application/vnd.example.signature');
      const index = document(OCI_INDEX, {
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [],
        subject: descriptorOf(OCI_MANIFEST, image.bytes),
        annotations: { kind: 'index' },
      });
      await user.pushManifest(index);
      const plain = await user.image('about', { subject: descriptorOf(OCI_MANIFEST, image.bytes) });
      await user.pushManifest(plain);

      const all = await referrers(user, image);
      expect(all).toHaveLength(4);
      expect(all).toEqual(
        expect.arrayContaining([
          {
            ...descriptorOf(OCI_MANIFEST, early.bytes),
            artifactType: 'application/vnd.example.sbom',
            annotations: { 'org.example.a': 'b' },
          },
          {
            ...descriptorOf(OCI_MANIFEST, late.bytes),
            artifactType: 'application/vnd.example.signature',
            annotations: {},
          },
          { ...descriptorOf(OCI_INDEX, index.bytes), annotations: { kind: 'index' } },
          { ...descriptorOf(OCI_MANIFEST, plain.bytes), artifactType: OCI_CONFIG },
        ]),
      );
      const path = `referrers/${image.digest}?artifactType=application/vnd.example.sbom`;
      const filtered = await user.expect(200, { path });
      expect(filtered.headers['oci-filters-applied']).toBe('artifactType');
      expect(JSON.parse(filtered.body.toString())).toMatchObject({ manifests: [{ digest: early.digest }] });

      await user.expect(202, { method: 'DELETE', path: `manifests/${early.digest}` });
      expect(await referrers(user, image)).toHaveLength(3);
    },
    'more about a manifest than fits an answer': async (user) => {
      const image = await user.image('many referrers');
      const filler = 'x'.repeat(900_000);
      for (const name of ['one', 'two', 'three', 'four']) {
        await user.referrer(image, 'application/vnd.example.large', { name, filler });
      }
      const digests = new Set<string>();
      let pages = 0;
      for (let path: string | undefined = `referrers/${image.digest}`; path !== undefined; pages += 1) {
        const page = await user.expect(200, { path });
        expect(page.body.length).toBeLessThan(4 * 2 ** 20);
        const { manifests } = JSON.parse(page.body.toString()) as { manifests: { digest: string }[] };
        for (const { digest } of manifests) digests.add(digest);
        path = nextPage(page);
      }
      expect(digests.size).toBe(4);
      expect(pages).toBeGreaterThan(1);
    },
  }),
];
