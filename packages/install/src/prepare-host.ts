import {
  checkArchitecture,
  type ImportedImage,
  importImage,
  initRepository,
  type Repository,
} from '@slipway/composefs';
import type { OperationOptions } from '@slipway/core';
import { type DeploymentTrust, deploymentTrust } from '@slipway/host';
import { type ImageSource, type ResolvedImage, requireTrusted } from '@slipway/oci';
import { type FirstDeployment, firstDeployment } from './first-deployment.ts';
import { type HostSetup, planHostSetup } from './host-setup.ts';
import type { HostRequest } from './request.ts';

/** An image, and who vouches for it. */
export interface FoundImage {
  readonly image: ResolvedImage;
  readonly trust: DeploymentTrust | undefined;
}

/** A host of which everything is decided and every object is at hand. */
export interface PreparedHost extends AsyncDisposable {
  readonly repository: Repository;
  readonly imported: ImportedImage;
  readonly deployment: FirstDeployment;
  readonly setup: HostSetup;
}

/**
 * Asks for the image and for who vouches for it: nothing of it is fetched before the signature policy lets it pass.
 *
 * @throws SlipwayError SIGNATURE_REFUSED, IMAGE_WRONG_ARCHITECTURE, and what the transport throws
 */
export async function findImage(
  source: ImageSource,
  request: HostRequest,
  options: OperationOptions,
): Promise<FoundImage> {
  const image = await source.resolve(request.architecture, options);
  checkArchitecture(image.config.architecture, request.architecture);
  const policyPath = request.signaturePolicy;
  const trust = deploymentTrust(await requireTrusted(request.image, image, { ...options, policyPath }));
  // A disk made without asking for signatures must not differ by the machine it was made on; nor does a path of it mean anything on the host.
  return { image, trust: trust.kind === 'verified' ? { ...trust, policy: null } : undefined };
}

/**
 * Fetches what of the image the store has not seen, and works out what the host will be. Nothing outside store and cache is written.
 *
 * Disposing lets go of the store: until then garbage collection in another process takes nothing of it.
 *
 * @throws SlipwayError what {@link firstDeployment} and {@link planHostSetup} throw
 */
export async function prepareHost(
  source: ImageSource,
  found: FoundImage,
  request: HostRequest,
  options: OperationOptions,
): Promise<PreparedHost> {
  const repository = await initRepository(request.storeDirectory, { verity: 'none' });
  return await prepareHostIn(repository, source, found, request, options);
}

/** The same in a store that is open. */
export async function prepareHostIn(
  repository: Repository,
  source: ImageSource,
  { image, trust }: FoundImage,
  request: HostRequest,
  options: OperationOptions,
): Promise<PreparedHost> {
  await using held = new AsyncDisposableStack();
  held.use(await repository.lock('shared'));
  const imported = await importImage(repository, source, image, {
    ...options,
    cacheDir: request.cacheDirectory,
  });
  const deployment = await firstDeployment(repository, imported, { ...request, trust }, options);
  const setup = await planHostSetup(repository, imported, deployment, request);
  const owned = held.move();
  return {
    repository,
    imported,
    deployment,
    setup,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
