import { SlipwayError } from '@slipway/core';
import {
  copyAll,
  copyImage,
  copySignatures,
  type Digest,
  expandReference,
  formatReference,
  type LayerFormat,
  type LayoutReference,
  openImage,
  openTarget,
  parseManifest,
  parseReference,
  type Reference,
  type RegistryReference,
  type RegistryTargetOptions,
  type ResolvedImage,
  recompressImage,
  type WholeImageSource,
} from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { machineArchitecture } from './architecture.ts';

/** How layers can be packed anew, in the words podman and buildah use. */
type CompressionFormat = 'gzip' | 'zstd' | 'zstd:chunked' | 'uncompressed';

interface CopyInput {
  readonly source: string;
  readonly target: string;
  readonly all: boolean;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly platform: string | undefined;
  readonly preserveDigests: boolean;
  readonly compressionFormat: CompressionFormat | undefined;
  readonly withSignatures: boolean;
  readonly json: boolean;
}

/** Places that keep layers unpacked, and so know an image under another digest. */
const REPACKING: ReadonlySet<Reference['kind']> = new Set(['docker-archive', 'containers-storage']);

/** `slipway copy SOURCE TARGET`, and `slipway push`. */
export async function copy(input: CopyInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const sourceReference = await expandReference(input.source, operation);
  const targetReference = parseReference(input.target);
  checkDigestKept(input, targetReference);
  if (input.withSignatures) signablePlace(targetReference, input);
  await using source = openImage(sourceReference);
  const architecture = input.platform ?? input.arch ?? machineArchitecture();
  // The source is asked before the target is made: a name that is wrong leaves nothing behind.
  const image = input.all ? undefined : await source.resolve(architecture, operation);
  await using target = await openTarget(targetReference, mountOptions(sourceReference, targetReference));
  const options = { ...operation, tag: tagFor(targetReference) };
  const digest =
    image === undefined
      ? await copyAll(source, target, options)
      : input.compressionFormat === undefined
        ? await copyImage(source, image, target, options)
        : await recompressImage(source, image, target, {
            ...options,
            format: formatOf(input.compressionFormat),
          });
  const signatures = input.withSignatures
    ? await copySignatures(
        sourceReference,
        signablePlace(targetReference, input),
        await copiedDigests(source, image),
        operation,
      )
    : undefined;
  const copied = { source: source.name, target: formatReference(targetReference), digest };
  const answer = signatures === undefined ? copied : { ...copied, signatures };
  const keepsDigest = !REPACKING.has(targetReference.kind);
  emit(context, input, answer, ({ target: place }) => [keepsDigest ? `${place}@${digest}` : place]);
  return 0;
}

function formatOf(format: CompressionFormat): LayerFormat {
  return format === 'uncompressed' ? 'none' : format;
}

function checkDigestKept({ preserveDigests, target }: CopyInput, { kind }: Reference): void {
  if (!preserveDigests || !REPACKING.has(kind)) return;
  throw new SlipwayError(
    'USAGE',
    `cannot copy to ${target} with --preserve-digests: ${kind} keeps no digests`,
    {
      hint: 'a registry, oci:, oci-archive: and dir: keep them',
    },
  );
}

/** Where signatures can be stored beside an image. */
function signablePlace(target: Reference, input: CopyInput): RegistryReference | LayoutReference {
  if (target.kind === 'registry' || target.kind === 'oci') return target;
  throw new SlipwayError('USAGE', `cannot copy to ${input.target} with --with-signatures: it keeps none`, {
    hint: 'a registry and oci: keep signatures beside an image',
  });
}

/** What was copied, an index with what it names. */
async function copiedDigests(
  source: WholeImageSource,
  image: ResolvedImage | undefined,
): Promise<readonly Digest[]> {
  if (image !== undefined) return [image.manifestDigest];
  const { bytes, digest } = await source.readDocument();
  const document = await parseManifest(bytes, source.name);
  return document.kind === 'index' ? [...document.manifests.map((each) => each.digest), digest] : [digest];
}

/** A layout lists what has a name; an archive holds one image, which needs none. */
function tagFor(target: Reference): string | undefined {
  return target.kind === 'oci' ? (target.tag ?? 'latest') : target.tag;
}

/** Within one registry blobs need not travel: they are mounted from the repository that has them. */
function mountOptions(source: Reference, target: Reference): RegistryTargetOptions {
  const isWithin =
    source.kind === 'registry' && target.kind === 'registry' && source.registry === target.registry;
  return isWithin ? { mountFrom: source.repository } : {};
}
