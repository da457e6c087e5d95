import { SlipwayError } from '@slipway/core';
import {
  type ExpandOptions,
  expandReference,
  type LayoutReference,
  parseReference,
  type Reference,
  type RegistryReference,
} from '@slipway/oci';

/**
 * A reference that must name a place in an OCI layout.
 *
 * @throws SlipwayError OCI_REFERENCE_INVALID, USAGE for one elsewhere
 */
export function layoutReference(text: string, optionName: string): LayoutReference {
  const reference = parseReference(text);
  if (reference.kind === 'oci') return reference;
  throw new SlipwayError('USAGE', `cannot use '${text}' for ${optionName}: it is not in an OCI layout`, {
    hint: 'write oci:DIR:TAG; slipway copy copies an image from one place to another',
  });
}

/**
 * A reference that must name a place in a registry; a name without one is looked up.
 *
 * @throws SlipwayError what {@link expandReference} throws, USAGE for one elsewhere
 */
export async function registryReference(
  text: string,
  argumentName: string,
  options: ExpandOptions,
): Promise<RegistryReference> {
  const reference = await expandReference(text, options);
  if (reference.kind === 'registry') return reference;
  throw new SlipwayError('USAGE', `cannot use '${text}' for ${argumentName}: it is not in a registry`, {
    hint: 'write HOST/NAME or HOST/NAME:TAG',
  });
}

/**
 * A place that keeps what is attached to images: a registry or an OCI layout.
 *
 * @throws SlipwayError USAGE for one elsewhere
 */
export function attachable(
  reference: Reference,
  text: string,
  name: string,
): LayoutReference | RegistryReference {
  if (reference.kind === 'oci' || reference.kind === 'registry') return reference;
  throw new SlipwayError(
    'USAGE',
    `cannot use '${text}' for ${name}: nothing can be attached to images there`,
    {
      hint: 'name a registry or an OCI layout: oci:DIR:TAG',
    },
  );
}
