import { digestOf } from './digest.ts';
import type { Descriptor } from './image.ts';

const bytes = Buffer.from('{}', 'latin1');

/** The configuration of what is no image (image-spec manifest.md, "Guidance for an Empty Descriptor"). */
export const EMPTY_CONFIG: { readonly descriptor: Descriptor; readonly bytes: Uint8Array } = {
  descriptor: {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(bytes),
    size: bytes.length,
  },
  bytes,
};
