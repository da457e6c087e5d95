import type { TarEntry, TarInput } from '@slipway/oci';

/** The layers of a base image, in order: what changes rarely first, so that an update ships only what changed. */
export type BaseLayer = 'system' | 'kernel' | 'slipway';

export const BASE_LAYERS: readonly BaseLayer[] = ['system', 'kernel', 'slipway'];

/** Where the command lives in an image. */
export const SLIPWAY_PATH = 'usr/bin/slipway';

/** The other name it answers to, for what drives hosts by it; left alone where a package brings bootc itself. */
export const BOOTC_PATH = 'usr/bin/bootc';

/** Decides the layer of a path (no leading `./`). Parent directories are in the system layer, which is below all. */
export function layerOf(path: string, slipwayPaths: ReadonlySet<string>): BaseLayer {
  if (slipwayPaths.has(path)) return 'slipway';
  return /^usr\/lib\/modules\/./.test(path) ? 'kernel' : 'system';
}

/**
 * A member of mmdebstrap's archive as it goes into a layer: `./usr/` becomes `usr/`, times are whole seconds and not
 * later than `epochSec`. Undefined for the archive's root and for device nodes, which every system makes for itself.
 */
export function layerEntry(entry: TarEntry, epochSec: number): TarInput | undefined {
  const path = entry.path.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
  if (path === '' || path === '.' || path.startsWith('dev/')) return undefined;
  return {
    ...entry,
    path: entry.kind === 'directory' ? `${path}/` : path,
    linkTarget: entry.kind === 'hardlink' ? entry.linkTarget.replace(/^(\.?\/)+/, '') : entry.linkTarget,
    mtimeSec: Math.min(entry.mtimeSec, epochSec),
    mtimeNsec: 0,
  };
}
