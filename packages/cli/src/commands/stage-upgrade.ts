import { type EtcPolicy, releaseDownloaded, runningSystem, stageUpdate } from '@slipway/host';
import { openImage, type Reference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { releaseWords, stageWords } from '../render/staged.ts';
import { reboot, type SoftReboot } from './reboot.ts';

/** What of an upgrade's options decides how it is staged. */
export interface StageInput {
  readonly apply: boolean;
  readonly softReboot: SoftReboot | undefined;
  readonly downloadOnly: boolean;
  readonly allowDenied: boolean;
  readonly etcPolicy: EtcPolicy;
  readonly signaturePolicy: string | undefined;
  readonly json: boolean;
}

/**
 * Fetches an image and stages it.
 *
 * @param mayReboot asked once all is staged, before a reboot
 */
export async function stageUpgrade(
  reference: Reference,
  input: StageInput,
  context: CommandContext,
  mayReboot: () => Promise<boolean>,
): Promise<number> {
  const { operation } = context;
  await using source = openImage(reference);
  const { etcPolicy, signaturePolicy, allowDenied, downloadOnly } = input;
  const request = {
    source,
    reference,
    etcPolicy,
    signaturePolicy,
    allowDenied,
    downloadOnly,
    command: 'slipway upgrade',
  };
  const result = await stageUpdate(runningSystem(), request, operation);
  const isStaged = result.kind === 'staged' || result.kind === 'already-staged';
  const reboots = input.apply && isStaged && (await mayReboot());
  emit(context, input, result, (staged) => stageWords(staged, etcPolicy, reboots, downloadOnly));
  if (reboots) await reboot(operation, input.softReboot ?? 'never');
  return 0;
}

/** `--from-downloaded`: no registry is asked. */
export async function releaseStaged(input: StageInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const result = await releaseDownloaded(runningSystem(), operation);
  emit(context, input, result, (released) => releaseWords(released, input.apply));
  if (input.apply) await reboot(operation, input.softReboot ?? 'never');
  return 0;
}
