import type { DesiredState, ImageRef, ReportedFailure, UpdatePhase } from '@slipway/fleet-api';

/** Something that is done to the host. */
export type HostStep =
  /** Download the image and stage it, so that it waits for nobody but {@link HostStep} `reboot`. */
  | { readonly kind: 'stage'; readonly image: ImageRef; readonly bytesPerSecond: number | null }
  /** Take back what is staged. */
  | { readonly kind: 'unstage' }
  /** Restart into what is staged. */
  | { readonly kind: 'reboot'; readonly image: ImageRef }
  /** Restart into what ran before, or into the image named. */
  | { readonly kind: 'go-back'; readonly image: ImageRef | null }
  /** Put files and apps in place; those of before stay aside until `keep-configuration`. */
  | { readonly kind: 'configure'; readonly config: DesiredState['config'] }
  | { readonly kind: 'keep-configuration' }
  | { readonly kind: 'revert-configuration' }
  /** Forget key, certificate and what the fleet put here. */
  | { readonly kind: 'forget' };

/** Something only the record says. */
export type RecordStep =
  | { readonly kind: 'begin'; readonly updateId: string; readonly image: ImageRef | null }
  | { readonly kind: 'note'; readonly phase: UpdatePhase; readonly failure?: ReportedFailure }
  | { readonly kind: 'note-health'; readonly healthySinceMs: number | null }
  | { readonly kind: 'clear' };

/** Nothing to do until then, or until something changes. */
export interface WaitStep {
  readonly kind: 'wait';
  readonly untilMs: number | null;
}

export type Step = HostStep | RecordStep | WaitStep;

/** How each step is done to a host. */
export type Executors = {
  readonly [Kind in HostStep['kind']]: (
    step: Extract<HostStep, { readonly kind: Kind }>,
    signal: AbortSignal,
  ) => Promise<void>;
};
