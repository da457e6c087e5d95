/** What somebody changed in the `spec` of a host, and what has to be done for it. */
import { SlipwayError } from '@slipway/core';
import type { BootcHost } from './bootc-host.ts';
import type { ImageSpec } from './image-spec.ts';
import { asJsonRecord, type JsonRecord } from './json-record.ts';

type HostSpec = BootcHost['spec'];

/** The one thing to do. */
export type SpecEdit =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'switch'; readonly image: ImageSpec }
  /** The boot order was turned round, or back. */
  | { readonly kind: 'rollback' };

/**
 * Compares a document with the spec of a host. Of a whole BootcHost only `spec` counts; what it leaves out stays.
 *
 * @param document parsed YAML or JSON, from anyone
 * @throws SlipwayError SPEC_INVALID when it is no such document, or changes image and boot order at once
 */
export function planSpecEdit(before: HostSpec, document: unknown): SpecEdit {
  const spec = asJsonRecord(requireRecord(document, 'the document')['spec']) ?? {};
  const image = spec['image'] === undefined || spec['image'] === null ? before.image : readImage(spec);
  const bootOrder = readBootOrder(spec) ?? before.bootOrder;
  const changesImage = image?.image !== before.image?.image || image?.transport !== before.image?.transport;
  const changesOrder = bootOrder !== before.bootOrder;
  if (changesImage && changesOrder) {
    throw invalid('it changes image and bootOrder', 'change one, and the other when that is done');
  }
  if (changesOrder) return { kind: 'rollback' };
  return changesImage && image !== null ? { kind: 'switch', image } : { kind: 'unchanged' };
}

function readImage(spec: JsonRecord): ImageSpec {
  const { image, transport } = requireRecord(spec['image'], 'spec.image');
  if (typeof image !== 'string' || image === '') throw invalid('spec.image.image is no name');
  if (transport !== undefined && typeof transport !== 'string')
    throw invalid('spec.image.transport is no name');
  return { image, transport: transport ?? 'registry' };
}

function readBootOrder({ bootOrder }: JsonRecord): HostSpec['bootOrder'] | undefined {
  if (bootOrder === undefined || bootOrder === 'default' || bootOrder === 'rollback') return bootOrder;
  throw invalid('spec.bootOrder is neither default nor rollback');
}

function requireRecord(value: unknown, what: string): JsonRecord {
  const record = asJsonRecord(value);
  if (record === undefined) throw invalid(`${what} has no fields`);
  return record;
}

function invalid(why: string, hint = 'slipway status --format yaml shows such a document'): SlipwayError {
  return new SlipwayError('SPEC_INVALID', `cannot do what the document says: ${why}`, { hint });
}
