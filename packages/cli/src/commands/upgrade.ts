import { SlipwayError } from '@slipway/core';
import { checkUpdate, followedReference, runningSystem } from '@slipway/host';
import { formatReference, openImage, type Reference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { withProgressFd } from '../progress/tee.ts';
import { checkWords } from '../render/staged.ts';
import { checkSoftReboot } from './reboot.ts';
import type { StageInput } from './stage-upgrade.ts';

interface UpgradeInput extends StageInput {
  readonly check: boolean;
  readonly fromDownloaded: boolean;
  readonly tag: string | undefined;
  readonly progressFd: number | undefined;
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
  if (input.check) {
    const system = runningSystem();
    const reference = withTag(await followedReference(system), input.tag);
    await using source = openImage(reference);
    const { signaturePolicy } = input;
    const found = await checkUpdate(system, source, { ...operation, signaturePolicy });
    emit(context, input, found, (check) => checkWords(check, formatReference(reference)));
    return 0;
  }
  // What writes is loaded only here: hosts ask every few minutes whether there is something new, and hardly ever there is.
  const { releaseStaged, stageUpgrade } = await import('./stage-upgrade.ts');
  if (input.fromDownloaded) return await releaseStaged(input, context);
  const reference = withTag(await followedReference(runningSystem()), input.tag);
  return await stageUpgrade(reference, input, { ...context, operation }, mayReboot);
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
