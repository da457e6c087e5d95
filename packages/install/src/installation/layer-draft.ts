import { deriveUuid } from '@slipway/disk';
import type { StorageNeed } from './image-storage.ts';
import type { PlannedVolume } from './layer-plan.ts';
import type { InstallStep } from './step.ts';

/** A plan of layered storage while it grows, from disks to what stands on them. */
export class LayerDraft {
  readonly steps: InstallStep[] = [];
  readonly volumes: PlannedVolume[] = [];
  /** What the initramfs of the image must be able to do. */
  readonly needs: Set<StorageNeed> = new Set();
  /** By UUID of the volume they open. */
  readonly passphrases: Map<string, string> = new Map();
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** A UUID of its own for each call, the same in every draft that asks in the same order. */
  uuid(what: string): string {
    this.#count += 1;
    return deriveUuid(this.#seed, `${what} ${this.#count}`);
  }
}
