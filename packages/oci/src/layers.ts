/** The part of this package that takes layers apart and knows no registry: what a thread that reads layers has to load. */
export { type PackedLayer, unpackLayer } from './layer/open-layer.ts';
export type { TarEntry, TarHeader } from './tar/entry.ts';
export { readTar } from './tar/reader.ts';
