import { type Logger, type OperationOptions, SlipwayError } from '@slipway/core';
import type { ImageRef } from '@slipway/fleet-api';
import {
  type HostSystem,
  hostStatus,
  releaseDownloaded,
  rollback,
  stageUpdate,
  unstage,
} from '@slipway/host';
import { openImage, parseDigest, parseReference, type Reference, withDigest } from '@slipway/oci';
import type { ObservedHost } from '../plan/situation.ts';
import type { Executors } from '../plan/step.ts';
import type { AgentFiles } from '../record/agent-files.ts';
import type { AgentHost } from './agent-host.ts';
import { HostConfiguration } from './configuration.ts';
import { type HookMoment, runHooks } from './hooks.ts';
import { countDrift, observeHost } from './observe-host.ts';

export interface SlipwayHostOptions {
  readonly system: HostSystem;
  readonly files: AgentFiles;
  /** `/`, except in tests. */
  readonly root: string;
  readonly hookDirectories: readonly string[];
  /** Asks for a reboot, which may come after it has answered. */
  readonly reboot: (options: OperationOptions) => Promise<void>;
  readonly log: Logger;
}

const COMMAND = 'slipway agent';
/** Every file of `/etc` is read for it. */
const DRIFT_EVERY_MS = 3_600_000;

/** The machine this process runs on, looked after by the functions of `@slipway/host`. */
export class SlipwayHost implements AgentHost {
  readonly #options: SlipwayHostOptions;
  readonly #configuration: HostConfiguration;
  #drift: { readonly count: number | undefined; readonly atMs: number } | undefined;

  constructor(options: SlipwayHostOptions) {
    this.#options = options;
    this.#configuration = new HostConfiguration(options.files, options.root);
  }

  async observe(): Promise<ObservedHost> {
    const { system } = this.#options;
    const nowMs = Date.now();
    if (this.#drift === undefined || nowMs - this.#drift.atMs > DRIFT_EVERY_MS) {
      this.#drift = { count: await countDrift(system, new AbortController().signal), atMs: nowMs };
    }
    return await observeHost(system, await this.#configuration.digest(), this.#drift.count);
  }

  readonly executors: Executors = {
    stage: async ({ image }, signal) => await this.#stage(image, signal),
    unstage: async (_step, signal) => void (await unstage(this.#options.system, this.#operation(signal))),
    reboot: async ({ image }, signal) => {
      const operation = this.#operation(signal);
      await this.hooks('before-reboot', image, signal);
      await releaseDownloaded(this.#options.system, operation);
      await this.#options.reboot(operation);
    },
    'go-back': async ({ image }, signal) => await this.#goBack(image, signal),
    configure: async ({ config }) => await this.#configuration.apply(config),
    'keep-configuration': async () => await this.#configuration.keep(),
    'revert-configuration': async () => await this.#configuration.revert(),
    forget: async () => {
      await this.#configuration.clear();
      await this.#options.files.forget();
    },
  };

  async hooks(moment: HookMoment, image: ImageRef | null, signal: AbortSignal): Promise<void> {
    const env = image === null ? {} : { SLIPWAY_IMAGE: image.reference, SLIPWAY_IMAGE_DIGEST: image.digest };
    await runHooks(this.#options.hookDirectories, moment, env, this.#operation(signal));
  }

  /** It waits until `reboot`, so that a reboot for another reason before that boots what runs now. */
  async #stage(image: ImageRef, signal: AbortSignal): Promise<void> {
    const { system } = this.#options;
    await this.hooks('before-update', image, signal);
    const reference = referenceOf(image);
    await using source = openImage(reference);
    const result = await stageUpdate(
      system,
      { source, reference, downloadOnly: true, command: COMMAND },
      this.#operation(signal),
    );
    if (result.kind !== 'denied') return;
    throw new SlipwayError('FLEET_CONFLICT', `cannot stage ${image.digest}: ${result.denial.reason}`, {
      hint: 'slipway allow on the host lets it be tried again',
    });
  }

  /** The deployment is named: asked for twice, a rollback without a name would be taken back. */
  async #goBack(image: ImageRef | null, signal: AbortSignal): Promise<void> {
    const { system } = this.#options;
    const { status } = await hostStatus(system);
    const all = [status.rollback, ...status.otherDeployments].flatMap((entry) => entry ?? []);
    const target = image === null ? all[0] : all.find((entry) => entry.image?.imageDigest === image.digest);
    if (target === undefined) {
      throw new SlipwayError(
        'NO_ROLLBACK',
        `cannot go back to ${image?.digest ?? 'what ran before'}: it is not here`,
        {
          hint: 'roll the release out instead',
        },
      );
    }
    const operation = this.#operation(signal);
    await this.hooks('before-reboot', image, signal);
    await rollback(system, { to: target.composefs.verity, ...operation });
    await this.#options.reboot(operation);
  }

  #operation(signal: AbortSignal): OperationOptions {
    return { signal, log: this.#options.log };
  }
}

/** The release's digest decides; the tag is for people. */
function referenceOf({ reference, digest }: ImageRef): Reference {
  const parsed = parseReference(reference);
  return parsed.kind === 'registry' || parsed.kind === 'oci'
    ? withDigest(parsed, parseDigest(digest))
    : parsed;
}
