import { argument } from '../argument.ts';
import { flag, required, value } from '../option.ts';
import { ARCH_OPTION, CACHE_OPTION, JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

/** Deltas: the difference between two images, for hosts that have the one and want the other. */
export const DELTA_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['delta', 'create'],
    summary: 'make the delta from one image to another, and publish it',
    description: [
      'Compares files with what they were and puts the difference beside the new image, as an artefact that refers to it. Hosts that run the old image find it there when they upgrade and fetch it in place of the layers; all others fetch layers as ever.',
      'A delta needs no signature: what a host makes of it must have the digests the image itself names, or the layers are fetched. The same two images give the same delta.',
    ],
    arguments: {
      old: argument('OLD', 'the image hosts have: oci:DIR:TAG or a registry reference', {
        completion: 'directory',
      }),
      new: argument('NEW', 'the image they are to have', { completion: 'directory' }),
    },
    options: {
      push: flag('put it beside NEW', { conflicts: ['tag'] }),
      tag: value('REF', 'put it into another repository or layout; a tag in it does not matter', {
        short: 't',
      }),
      arch: ARCH_OPTION,
      cache: CACHE_OPTION,
      json: JSON_OPTION,
    },
    json: 'where the delta is, its digest and size, and what each layer of it is made of',
    examples: [
      {
        command: 'slipway delta create --push registry.example/shop:v1 registry.example/shop:v2',
        why: 'let hosts on v1 have v2 cheaply',
      },
      {
        command: 'slipway delta create --push oci:build/shop:v1 oci:build/shop:v2',
        why: 'the same in a layout',
      },
    ],
    load: async () => (await import('../../commands/delta-create.ts')).deltaCreate,
  }),
  defineCommand({
    path: ['delta', 'inspect'],
    summary: 'list the deltas that lead to an image',
    description: ['Asks what is beside the image: for each delta which image it starts from, and its size.'],
    arguments: {
      image: argument('IMAGE', 'the new image: oci:DIR:TAG or a registry reference', {
        completion: 'directory',
      }),
    },
    options: { arch: ARCH_OPTION, json: JSON_OPTION },
    json: 'digest, old image, size, and the layers of each delta',
    examples: [
      { command: 'slipway delta inspect registry.example/shop:v2', why: 'which hosts fetch little' },
    ],
    load: async () => (await import('../../commands/delta-inspect.ts')).deltaInspect,
  }),
  defineCommand({
    path: ['delta', 'apply'],
    summary: 'bring an image into an object store, by a delta where one fits',
    description: [
      'Does what an upgrade does to fetch an image, and no more: in a store that holds the old image, only the delta is fetched. Hosts need no such command; it shows what they would fetch.',
    ],
    arguments: {
      image: argument('IMAGE', 'the new image: oci:DIR:TAG or a registry reference', {
        completion: 'directory',
      }),
    },
    options: {
      store: required('DIR', 'the object store, such as /sysroot/composefs', { completion: 'directory' }),
      arch: ARCH_OPTION,
      cache: CACHE_OPTION,
      json: JSON_OPTION,
    },
    json: 'digest of the image, bytes fetched, bytes of its layers, new objects',
    examples: [
      {
        command: 'slipway delta apply --store ~/.cache/slipway/store oci:build/shop:v2',
        why: 'try a delta in the store slipway delta create used',
      },
    ],
    load: async () => (await import('../../commands/delta-apply.ts')).deltaApply,
  }),
];
