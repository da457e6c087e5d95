import { resolve } from 'node:path';
import { type LayoutReference, parseReference } from '@slipway/oci';

/** Values of ARGs, apart: the ones that are images in layouts, and all others. */
export interface SplitArguments {
  readonly images: readonly { readonly name: string; readonly reference: LayoutReference }[];
  readonly plain: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Finds the images among build arguments: values that begin with `oci:`. Their directories become absolute, because a
 * builder has another idea of the current one.
 *
 * @throws SlipwayError OCI_REFERENCE_INVALID
 */
export function splitArguments(buildArgs: Readonly<Record<string, string>>): SplitArguments {
  const images: { name: string; reference: LayoutReference }[] = [];
  const plain: { name: string; value: string }[] = [];
  for (const [name, value] of Object.entries(buildArgs)) {
    const reference = value.startsWith('oci:') ? parseReference(value) : undefined;
    if (reference?.kind === 'oci') {
      images.push({ name, reference: { ...reference, path: resolve(reference.path) } });
    } else {
      plain.push({ name, value });
    }
  }
  return { images, plain };
}
