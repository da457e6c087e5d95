/** Bringing the image of an app into the host's object store, and making a revision of it. */
import { type ImportedImage, importImage, openRepository, type Repository } from '@slipway/composefs';
import { isoTime, type Operation, type OperationOptions } from '@slipway/core';
import {
  type Reference,
  type ResolvedImage,
  readLayerIds,
  requireTrusted,
  resolveFiles,
  type WholeImageSource,
} from '@slipway/oci';
import { checkRoom, during } from '../failure.ts';
import { imageSpecOf } from '../image-spec.ts';
import { missingLayers, spaceForLayers } from '../space.ts';
import type { HostSystem } from '../system.ts';
import { type AppRun, readAppRun } from './app-config.ts';
import type { AppPaths } from './layout.ts';
import { putAppImage } from './put-app-image.ts';
import {
  type AppKind,
  type AppRevision,
  type ExtensionKind,
  listRevisions,
  writeRevision,
} from './revision.ts';
import { appUnits, extensionUnits, type UnitsOf } from './units.ts';

/** What to bring, and how. */
export interface BringApp {
  readonly name: string;
  readonly paths: AppPaths;
  readonly kind: AppKind;
  readonly source: WholeImageSource;
  readonly reference: Reference;
  readonly image: ResolvedImage;
  /** A file instead of this machine's signature policy. */
  readonly signaturePolicy: string | undefined;
}

/** What a reference names for an app of this kind: files may also come as an artefact, a program may not. */
export async function resolveApp(
  kind: AppKind,
  source: WholeImageSource,
  architecture: string,
  options: OperationOptions,
): Promise<ResolvedImage> {
  return kind === 'app'
    ? await source.resolve(architecture, options)
    : await resolveFiles(source, architecture, options);
}

const VERSION_LABEL = 'org.opencontainers.image.version';

/**
 * Brings it and writes the revision, which nothing runs yet. Everything that can be wrong with the image is found here. The caller
 * holds the host's lock.
 *
 * A cut leaves pieces nothing refers to, or a revision that is not the current one; the next collection removes both.
 *
 * @throws SlipwayError APP_INVALID, IMAGE_…, OCI_…, SIGNATURE_…, NO_SPACE
 */
export async function bringApp(
  system: HostSystem,
  app: BringApp,
  operation: Operation,
): Promise<AppRevision> {
  const policyPath = app.signaturePolicy;
  await requireTrusted(app.reference, app.image, { ...operation, policyPath });
  const repository = await openRepository(system.layout.composefs);
  // Shared until a revision refers to the image: else garbage collection elsewhere could take its objects away.
  using _use = await repository.lock('shared', { signal: operation.signal });
  const { packedBytes } = await spaceForLayers(system.layout.sysroot, missingLayers(repository, app.image));
  await checkRoom(`bring ${app.source.name}`, system.layout.sysroot, packedBytes);
  const imported = await during('pull the image', system.layout.sysroot, async () =>
    importImage(repository, app.source, await readLayerIds(app.source, app.image, operation), {
      ...operation,
      cacheDir: system.layout.downloads,
      deltasBeside: app.reference,
    }),
  );
  return await makeRevision(system, app, repository, imported);
}

async function makeRevision(
  system: HostSystem,
  app: BringApp,
  repository: Repository,
  imported: ImportedImage,
): Promise<AppRevision> {
  const { name, paths, kind, image } = app;
  const { shown, units } =
    kind === 'app'
      ? partsOfApp(readAppRun(image.configBytes, imported.tree, app.source.name))
      : partsOfExtension(kind);
  const { volumes } = shown;
  const imageId = await putAppImage(repository, imported.tree, { name, kind, volumes });
  const version = imported.config.labels[VERSION_LABEL];
  const last = (await listRevisions(paths)).at(-1)?.revision ?? 0;
  const revision: AppRevision = {
    revision: last + 1,
    kind,
    imageId,
    image: imageSpecOf(app.reference),
    manifestDigest: imported.manifestDigest,
    version: version ?? null,
    installedAt: isoTime(system.clock),
    ...shown,
  };
  await writeRevision(paths, revision, units({ name, imageId, version }));
  return revision;
}

/** What depends on the kind. */
interface PartsOfKind {
  readonly shown: Pick<AppRevision, 'ports' | 'volumes' | 'health'>;
  readonly units: (of: UnitsOf) => Readonly<Record<string, string>>;
}

function partsOfApp(run: AppRun): PartsOfKind {
  const { ports, volumes, health } = run;
  return { shown: { ports, volumes, health }, units: (of) => appUnits(of, run) };
}

function partsOfExtension(kind: ExtensionKind): PartsOfKind {
  return { shown: { ports: [], volumes: [], health: null }, units: (of) => extensionUnits(of, kind) };
}
