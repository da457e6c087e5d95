/** What every part of the table is made of. */
import { expect } from 'vitest';
import { type Document, digestOf, OCI_INDEX, OCI_MANIFEST, type RegistryUser } from '../registry-user.ts';

/** One case; every case has a repository of its own. */
export interface ConformanceCase {
  readonly part: 'support' | 'pull' | 'push' | 'discovery' | 'management';
  readonly name: string;
  readonly run: (user: RegistryUser, other: RegistryUser) => Promise<void>;
}

/** A digest nobody ever pushes anything under. */
export const NOWHERE: string = digestOf(Buffer.from('nobody ever pushes this'));

/** Cases of one part. */
export function part(
  name: ConformanceCase['part'],
  cases: Readonly<Record<string, ConformanceCase['run']>>,
): readonly ConformanceCase[] {
  return Object.entries(cases).map(([caseName, run]) => ({ part: name, name: caseName, run }));
}

/** The request that sends a part of a blob. */
export function chunk(
  place: string,
  bytes: Buffer,
  first: number,
  end: number,
): Parameters<RegistryUser['send']>[0] {
  return {
    method: 'PATCH',
    path: place,
    headers: { 'content-type': 'application/octet-stream', 'content-range': `${first}-${end - 1}` },
    body: bytes.subarray(first, end),
  };
}

/** The request that pushes a manifest. */
export function push({ bytes, mediaType }: Document, reference: string): Parameters<RegistryUser['send']>[0] {
  return {
    method: 'PUT',
    path: `manifests/${reference}`,
    headers: { 'content-type': mediaType },
    body: bytes,
  };
}

/** A blob can be read, and is what it was. */
export async function pulled(
  user: RegistryUser,
  bytes: Buffer,
  digest: string = digestOf(bytes),
): Promise<void> {
  const { headers, body } = await user.expect(200, { path: `blobs/${digest}` });
  expect(body.equals(bytes)).toBe(true);
  expect(headers['content-length']).toBe(String(bytes.length));
}

/** A manifest can be read and asked for, with all that is said of it. */
export async function pullable(user: RegistryUser, image: Document, path: string): Promise<void> {
  const accept = [OCI_MANIFEST, OCI_INDEX, image.mediaType].join(', ');
  const get = await user.expect(200, { path, headers: { accept } });
  expect(get.body.equals(image.bytes)).toBe(true);
  const head = await user.expect(200, { method: 'HEAD', path, headers: { accept } });
  expect(head.body).toHaveLength(0);
  for (const { headers } of [get, head]) {
    expect(headers).toMatchObject({
      'content-type': image.mediaType,
      'content-length': String(image.bytes.length),
      'docker-content-digest': image.digest,
    });
  }
}

/** What is about a manifest. */
export async function referrers(user: RegistryUser, { digest }: Document): Promise<readonly unknown[]> {
  const index = (await user.json(`referrers/${digest}`)) as { manifests: unknown[] };
  return index.manifests;
}
