/** Images of the store that can be made again from where they came from. */
import { createBootImage, type ImportedImage, type Repository } from '@slipway/composefs';
import { isSlipwayError, type OperationOptions } from '@slipway/core';
import { type Reference, type ResolvedImage, readLayerIds, type WholeImageSource } from '@slipway/oci';
import { resolveApp } from '../apps/bring-app.ts';
import { appNames, appPaths } from '../apps/layout.ts';
import { putAppImage } from '../apps/put-app-image.ts';
import { type AppRevision, listRevisions } from '../apps/revision.ts';
import type { Deployment } from '../deployment.ts';
import { exactReference } from '../deployment-reference.ts';
import type { HostLayout } from '../layout.ts';

/** One image of the store. */
export interface Refillable {
  /** Of the image. */
  readonly id: string;
  /** The very image it came from, whatever its tag means by now. @throws SlipwayError STATE_INVALID when that is not known */
  reference(): Reference;
  /** What its reference names, all that is needed to import it known. */
  resolve(source: WholeImageSource, architecture: string, options: OperationOptions): Promise<ResolvedImage>;
  /** Stores it again, once its layers are there. */
  make(repository: Repository, imported: ImportedImage, operation: OperationOptions): Promise<unknown>;
}

/** The image of a deployment. */
export function refillableDeployment({ id, origin }: Deployment): Refillable {
  return {
    id,
    reference: () => exactReference(`the deployment ${id}`, origin?.image, origin?.manifestDigest),
    resolve: (source, architecture, options) => source.resolve(architecture, options),
    make: createBootImage,
  };
}

/** Those of every revision of every app. One whose record is damaged is left out: nobody knows what it was. */
export async function refillableApps(layout: HostLayout): Promise<readonly Refillable[]> {
  const all: Refillable[] = [];
  for (const name of await appNames(layout)) {
    for (const { imageId, image, manifestDigest, kind, volumes } of await readableRevisions(layout, name)) {
      all.push({
        id: imageId,
        reference: () => exactReference(`the app ${name}`, image, manifestDigest),
        resolve: async (source, architecture, options) =>
          readLayerIds(source, await resolveApp(kind, source, architecture, options), options),
        make: (repository, imported) => putAppImage(repository, imported.tree, { name, kind, volumes }),
      });
    }
  }
  return all;
}

async function readableRevisions(layout: HostLayout, name: string): Promise<readonly AppRevision[]> {
  try {
    return await listRevisions(appPaths(layout, name));
  } catch (thrown) {
    if (!isSlipwayError(thrown, 'STATE_INVALID')) throw thrown;
    return [];
  }
}
