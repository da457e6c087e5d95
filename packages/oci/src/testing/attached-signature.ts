/** Puts signatures beside an image in a layout, whatever they are, as a tool that is not ours would. */
import { digestOf } from '../digest.ts';
import type { Descriptor } from '../image.ts';
import { MEDIA_TYPES } from '../manifest.ts';
import type { ImageTarget } from '../target.ts';
import { bytesOf } from './small-image.ts';

/** A signed text with what is said about it. */
export interface TestAttachment {
  readonly payload: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Attaches signed texts under a tag, in cosign's form. */
export async function attachByTag(
  target: ImageTarget,
  tag: string,
  attachments: readonly TestAttachment[],
): Promise<void> {
  const layers: Descriptor[] = [];
  for (const { payload, annotations } of attachments) {
    const layer = {
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      digest: digestOf(payload),
      size: payload.length,
      annotations,
    };
    await target.putBlob(layer, () => bytesOf(payload));
    layers.push(layer);
  }
  const config = Buffer.from(
    JSON.stringify({
      architecture: '',
      os: '',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    }),
  );
  const configDescriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length };
  await target.putBlob(configDescriptor, () => bytesOf(config));
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config: configDescriptor, layers };
  await target.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, tag);
}

/** The text cosign signs. */
export function cosignPayload(dockerReference: string, manifestDigest: string): Buffer {
  const critical = {
    identity: { 'docker-reference': dockerReference },
    image: { 'docker-manifest-digest': manifestDigest },
    type: 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}
