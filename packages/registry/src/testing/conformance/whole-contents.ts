import { expect } from 'vitest';
import { bytesFor, type DescriptorJson, digestOf, type RegistryUser } from '../registry-user.ts';
import { type ConformanceCase, part, pullable, pulled, push } from './case.ts';
import { Contents } from './contents.ts';

const GZIP_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const ELSEWHERE = 'application/vnd.oci.image.layer.nondistributable.v1.tar';
const [TYPE_ONE, TYPE_TWO] = ['application/vnd.example.one.v1', 'application/vnd.example.two.v1'];
const ARCHITECTURES = ['amd64', 'arm64'] as const;
const NOTE = { 'org.example.note': 'a note' };
const UNKNOWN = { 'org.example.unknown': { deep: [1, 'two', null] } };

/** Kinds of contents the specification must take, each as a repository is filled with it. */
const KINDS: Readonly<Record<string, (seed: string) => Contents>> = {
  'an image with compressed layers': (seed) => {
    const all = new Contents(seed);
    all.image(all.config('amd64'), [all.blob(GZIP_LAYER), all.blob(GZIP_LAYER)], { tag: 'image' });
    return all;
  },
  'an image with plain layers': (seed) => {
    const all = new Contents(seed);
    all.image(all.config('amd64'), [all.blob(PLAIN_LAYER), all.blob(PLAIN_LAYER)], { tag: 'plain' });
    return all;
  },
  'an image with hundreds of long annotations': (seed) => {
    const all = new Contents(seed);
    const names = Array.from({ length: 390 }, (_, index) => `org.example.long.${index}`);
    const annotations = Object.fromEntries(names.map((name) => [name, 'A'.repeat(10_000)]));
    all.image(all.config('amd64'), [all.blob(GZIP_LAYER)], { tag: 'long', annotations });
    return all;
  },
  'an index for two platforms': (seed) => {
    const all = new Contents(seed);
    all.index(platforms(all), { tag: 'index' });
    return all;
  },
  'an index of indexes': (seed) => {
    const all = new Contents(seed);
    all.index([all.index(platforms(all)), all.index(platforms(all))], { tag: 'nested' });
    return all;
  },
  'an index of nothing': (seed) => {
    const all = new Contents(seed);
    all.index([], { tag: 'nothing' });
    return all;
  },
  'an artefact': (seed) => {
    const all = new Contents(seed);
    all.image(all.empty(), [all.blob(TYPE_ONE)], { tag: 'artefact', artifactType: TYPE_ONE });
    return all;
  },
  'an artefact without content': (seed) => {
    const all = new Contents(seed);
    all.image(all.empty(), [all.empty()], { tag: 'empty', artifactType: TYPE_ONE });
    return all;
  },
  'an index that is an artefact': (seed) => {
    const all = new Contents(seed);
    const parts = ARCHITECTURES.map(() =>
      all.image(all.empty(), [all.blob(TYPE_ONE)], { artifactType: TYPE_ONE }),
    );
    all.index(parts, { tag: 'artefacts', artifactType: TYPE_ONE });
    return all;
  },
  'artefacts about an image': (seed) => {
    const all = new Contents(seed);
    const subject = all.image(all.config('amd64'), [all.blob(GZIP_LAYER)], { tag: 'image' });
    all.image(all.config('arm64'), [all.blob(GZIP_LAYER)], { subject });
    for (const [tag, artifactType] of [
      ['one', TYPE_ONE],
      ['two', TYPE_TWO],
    ] as const) {
      const about = { subject, tag, artifactType, annotations: { ...NOTE, 'org.example.own': tag } };
      all.image(all.empty(), [all.blob('application/octet-stream')], about);
    }
    return all;
  },
  'indexes about an index': (seed) => {
    const all = new Contents(seed);
    const subject = all.index(platforms(all), { tag: 'index' });
    all.index(platforms(all), { subject, tag: 'one', artifactType: TYPE_ONE, annotations: NOTE });
    all.index(platforms(all), { subject, annotations: NOTE });
    return all;
  },
  'an artefact about what is not there': (seed) => {
    const all = new Contents(seed);
    const missing = bytesFor(`${seed} missing`, 123);
    const subject = { mediaType: GZIP_LAYER, digest: digestOf(missing), size: missing.length };
    all.image(all.empty(), [all.blob(TYPE_ONE)], { subject, tag: 'tagged', artifactType: TYPE_ONE });
    return all;
  },
  'an image whose descriptors carry the content': (seed) => {
    const all = new Contents(seed);
    const withData = (descriptor: DescriptorJson): DescriptorJson & { readonly data: string } => ({
      ...descriptor,
      data: (all.blobs.get(descriptor.digest) ?? Buffer.alloc(0)).toString('base64'),
    });
    all.image(withData(all.config('amd64')), [withData(all.blob(GZIP_LAYER))], { tag: 'data' });
    return all;
  },
  'an image some of whose layers are kept elsewhere': (seed) => {
    const all = new Contents(seed);
    const elsewhere = ['+gzip', ''].map((suffix) => {
      const digest = digestOf(bytesFor(`${seed} elsewhere${suffix}`));
      return { mediaType: `${ELSEWHERE}${suffix}`, digest, size: 123_456, urls: ['https://store.example/x'] };
    });
    all.image(all.config('amd64'), [...elsewhere, all.blob(GZIP_LAYER)], { tag: 'elsewhere' });
    return all;
  },
  'an index, its images and their configurations with unknown fields': (seed) => {
    const all = new Contents(seed);
    const images = ARCHITECTURES.map((architecture) =>
      all.image(all.config(architecture, UNKNOWN), [all.blob(GZIP_LAYER)], { unknown: UNKNOWN }),
    );
    all.index(images, { tag: 'unknown', unknown: UNKNOWN });
    return all;
  },
  'an image of no layers': (seed) => {
    const all = new Contents(seed);
    all.image(all.config('amd64'), [], { tag: 'none' });
    return all;
  },
  'an index with all its parts named by SHA-512': (seed) => {
    const all = new Contents(seed, 'sha512');
    all.index(platforms(all));
    return all;
  },
};

/** Fills a repository, reads everything back, lists it, and takes it apart again. */
export const WHOLE_CONTENTS_CASES: readonly ConformanceCase[] = [
  ...part(
    'push',
    Object.fromEntries(
      Object.entries(KINDS).map(([kind, build]) => [
        `${kind}: pushed, listed, pulled, deleted`,
        async (user: RegistryUser) => {
          const all = build(kind);
          await fill(user, all);
          await isListed(user, all);
          await isReadable(user, all);
          await isTakenApart(user, all);
        },
      ]),
    ),
  ),
  ...part(
    'push',
    Object.fromEntries(
      (['sha256', 'sha512'] as const).map((algorithm) => [
        `an index and its images named by ${algorithm}, each with tags beside its digest`,
        async (user: RegistryUser) => {
          const all = new Contents(`tags ${algorithm}`, algorithm);
          all.index(platforms(all));
          for (const [digest, bytes] of all.blobs) await user.pushBlob(bytes, digest);
          for (const [index, document] of all.manifests.entries()) {
            const tags = [`first-${index}`, `second-${index}`];
            const reference = `${document.digest}?${tags.map((tag) => `tag=${tag}`).join('&')}`;
            const { headers } = await user.expect(201, push(document, reference));
            expect(String(headers['oci-tag']).split(/, */)).toEqual(tags);
            for (const tag of tags) all.tags.set(tag, document);
          }
          await isListed(user, all);
          await isReadable(user, all);
          await isTakenApart(user, all);
        },
      ]),
    ),
  ),
];

function platforms(all: Contents): readonly object[] {
  return ARCHITECTURES.map((architecture) => ({
    ...all.image(all.config(architecture), [all.blob(GZIP_LAYER)]),
    platform: { architecture, os: 'linux' },
  }));
}

async function fill(user: RegistryUser, all: Contents): Promise<void> {
  const subjects = new Map(all.referrers.map(({ subject, document }) => [document, subject]));
  const named = [
    ...all.manifests.map((document) => [document.digest, document] as const),
    ...all.tags.entries(),
  ];
  for (const [digest, bytes] of all.blobs) await user.pushBlob(bytes, digest);
  for (const [reference, document] of named) {
    const answer = await user.pushManifest(document, reference);
    expect(answer.headers['docker-content-digest']).toBe(document.digest);
    expect(answer.headers['oci-subject']).toBe(subjects.get(document));
    await pullable(user, document, user.place(answer));
  }
}

async function isListed(user: RegistryUser, all: Contents): Promise<void> {
  const { tags } = (await user.json('tags/list')) as { tags: string[] };
  expect(tags.toSorted()).toEqual([...all.tags.keys()].toSorted());
  for (const { subject, document, artifactType, annotations } of all.referrers) {
    const wanted = {
      mediaType: document.mediaType,
      digest: document.digest,
      size: document.bytes.length,
      // None may be left out, or said to be none.
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(artifactType === undefined ? {} : { artifactType }),
    };
    const { manifests } = (await user.json(`referrers/${subject}`)) as { manifests: object[] };
    expect(manifests).toContainEqual(expect.objectContaining(wanted));
    if (artifactType === undefined) continue;
    const path = `referrers/${subject}?artifactType=${encodeURIComponent(artifactType)}`;
    const filtered = await user.expect(200, { path });
    expect(filtered.headers['oci-filters-applied']).toBe('artifactType');
    const list = (JSON.parse(filtered.body.toString()) as { manifests: { artifactType: string }[] })
      .manifests;
    expect(list).toContainEqual(expect.objectContaining(wanted));
    expect(new Set(list.map((each) => each.artifactType))).toEqual(new Set([artifactType]));
  }
}

async function isReadable(user: RegistryUser, all: Contents): Promise<void> {
  for (const [tag, document] of all.tags) await pullable(user, document, `manifests/${tag}`);
  for (const document of all.manifests) await pullable(user, document, `manifests/${document.digest}`);
  for (const [digest, bytes] of all.blobs) await pulled(user, bytes, digest);
}

/** From the outside in; what is deleted is gone at once, a manifest's tags with it. */
async function isTakenApart(user: RegistryUser, all: Contents): Promise<void> {
  const paths = [
    ...all.manifests.toReversed().map(({ digest }) => `manifests/${digest}`),
    ...[...all.blobs.keys()].map((digest) => `blobs/${digest}`),
  ];
  for (const path of paths) {
    await user.expect(202, { method: 'DELETE', path });
    await user.expect(404, { method: 'HEAD', path });
  }
  for (const tag of all.tags.keys()) await user.expect(404, { method: 'HEAD', path: `manifests/${tag}` });
}
