import { SlipwayError } from '@slipway/core';
import {
  checkUpdate,
  type EtcPolicy,
  followedReference,
  releaseDownloaded,
  runningSystem,
  stageUpdate,
} from '@slipway/host';
import { formatReference, openImage, type Reference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { withProgressFd } from '../progress/tee.ts';
import { checkWords, releaseWords, stageWords } from '../render/staged.ts';
import { checkSoftReboot, reboot, type SoftReboot } from './reboot.ts';

interface UpgradeInput {
  readonly check: boolean;
  readonly apply: boolean;
  readonly softReboot: SoftReboot | undefined;
  readonly downloadOnly: boolean;
  readonly fromDownloaded: boolean;
  readonly tag: string | undefined;
  readonly allowDenied: boolean;
  readonly etcPolicy: EtcPolicy;
  readonly signaturePolicy: string | undefined;
  readonly progressFd: number | undefined;
  readonly json: boolean;
}

/**
 * `slipway upgrade`.
 *
 * @param mayReboot asked once all is staged, before a reboot
 */
export async function upgrade(
  input: UpgradeInput,
  context: CommandContext,
  mayReboot: () => Promise<boolean> = async () => true,
): Promise<number> {
  checkSoftReboot(input);
  const operation = withProgressFd(context, input.progressFd);
  const system = runningSystem();
  if (input.fromDownloaded) return await releaseStaged(input, context);
  const reference = withTag(await followedReference(system), input.tag);
  await using source = openImage(reference);
  const { etcPolicy, signaturePolicy, allowDenied, downloadOnly } = input;
  if (input.check) {
    const found = await checkUpdate(system, source, { ...operation, signaturePolicy });
    emit(context, input, found, (check) => checkWords(check, formatReference(reference)));
    return 0;
  }
  const request = {
    source,
    reference,
    etcPolicy,
    signaturePolicy,
    allowDenied,
    downloadOnly,
    command: 'slipway upgrade',
  };
  const result = await stageUpdate(system, request, operation);
  const isStaged = result.kind === 'staged' || result.kind === 'already-staged';
  const reboots = input.apply && isStaged && (await mayReboot());
  emit(context, input, result, (staged) => stageWords(staged, etcPolicy, reboots, downloadOnly));
  if (reboots) await reboot(operation, input.softReboot ?? 'never');
  return 0;
}

/** `--from-downloaded`: no registry is asked. */
async function releaseStaged(input: UpgradeInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const result = await releaseDownloaded(runningSystem(), operation);
  emit(context, input, result, (released) => releaseWords(released, input.apply));
  if (input.apply) await reboot(operation, input.softReboot ?? 'never');
  return 0;
}

/** The same image under another tag, for this call and from then on. */
function withTag(reference: Reference, tag: string | undefined): Reference {
  if (tag === undefined) return reference;
  if (reference.kind === 'registry' || reference.kind === 'oci') {
    return { ...reference, tag, digest: undefined };
  }
  const place = formatReference(reference);
  throw new SlipwayError('USAGE', `cannot use --tag: ${place} has no tags`, { hint: 'slipway switch REF' });
}
