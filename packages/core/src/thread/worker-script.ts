import { existsSync } from 'node:fs';
import { getAsset, getAssetKeys, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { type ResourceLimits, Worker, type WorkerOptions } from 'node:worker_threads';

/** For threads that allocate what is garbage at once: a small nursery keeps it, and the buffers hanging on it, few. */
export const SMALL_NURSERY: ResourceLimits = { maxYoungGenerationSizeMb: 2 };

/**
 * The script of a thread. In a checkout and in an npm package it stands beside the module that starts it; in a single executable it is
 * an asset, named as the file is in a package.
 */
export class WorkerScript {
  readonly #module: string;
  readonly #name: string;

  /**
   * @param module `import.meta.url` of the module that starts it
   * @param name of the script, without an extension
   */
  constructor(module: string, name: string) {
    this.#module = module;
    this.#name = name;
  }

  /** Whether threads can be started: a bundle somebody made of that module may lack the script. */
  isThere(): boolean {
    return isSea() ? getAssetKeys().includes(this.#asset) : existsSync(this.#file);
  }

  start(options: WorkerOptions = {}): Worker {
    return isSea()
      ? new Worker(getAsset(this.#asset, 'utf8'), { ...options, eval: true })
      : new Worker(this.#file, options);
  }

  get #asset(): string {
    return `${this.#name}.js`;
  }

  get #file(): string {
    const extension = this.#module.endsWith('.ts') ? 'ts' : 'js';
    return fileURLToPath(new URL(`./${this.#name}.${extension}`, this.#module));
  }
}
