/** What apps need in the object store. */
import type { HostLayout } from '../layout.ts';
import { appNames, appPaths } from './layout.ts';
import { listRevisions } from './revision.ts';

/** Images of every revision of every app, and the manifests they came from: garbage collection leaves them. */
export interface AppImages {
  readonly images: readonly string[];
  readonly manifestDigests: readonly string[];
}

/** @throws SlipwayError STATE_INVALID when a record is damaged: what to keep is not known then */
export async function appImages(layout: HostLayout): Promise<AppImages> {
  const revisions = [];
  for (const name of await appNames(layout)) revisions.push(...(await listRevisions(appPaths(layout, name))));
  return {
    images: revisions.map(({ imageId }) => imageId),
    manifestDigests: revisions.map(({ manifestDigest }) => manifestDigest),
  };
}
