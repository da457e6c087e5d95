import { type EtcPolicy, runningSystem, setPinned, stageUpdate } from '@slipway/host';
import { expandReference, openImage } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { withProgressFd } from '../progress/tee.ts';
import { stageWords } from '../render/staged.ts';
import { checkSoftReboot, reboot, type SoftReboot } from './reboot.ts';

/** Where an image can be followed, in the words of bootc and skopeo. */
type SwitchTransport = 'registry' | 'oci' | 'oci-archive' | 'docker-archive' | 'dir' | 'containers-storage';

interface SwitchInput {
  readonly image: string;
  readonly transport: SwitchTransport;
  readonly retain: boolean;
  readonly apply: boolean;
  readonly softReboot: SoftReboot | undefined;
  readonly allowDenied: boolean;
  readonly etcPolicy: EtcPolicy;
  readonly signaturePolicy: string | undefined;
  readonly progressFd: number | undefined;
  readonly json: boolean;
}

/** `slipway switch REF`. */
export async function switchImage(input: SwitchInput, context: CommandContext): Promise<number> {
  checkSoftReboot(input);
  const operation = withProgressFd(context, input.progressFd);
  const reference = await expandReference(withTransport(input.image, input.transport), operation);
  await using source = openImage(reference);
  const { etcPolicy, signaturePolicy, allowDenied } = input;
  const request = {
    source,
    reference,
    etcPolicy,
    signaturePolicy,
    allowDenied,
    command: 'slipway switch',
  };
  const result = await stageUpdate(runningSystem(), request, operation);
  const reboots = input.apply && (result.kind === 'staged' || result.kind === 'already-staged');
  emit(context, input, result, (staged) => stageWords(staged, etcPolicy, reboots));
  if (input.retain) await setPinned(runningSystem(), 'booted', true, operation);
  if (reboots) await reboot(operation, input.softReboot ?? 'never');
  return result.kind === 'denied' ? 1 : 0;
}

/** What says where it is itself is read as it is. */
function withTransport(image: string, transport: SwitchTransport): string {
  const isBare = transport !== 'registry' && !image.startsWith(`${transport}:`);
  return isBare ? `${transport}:${image}` : image;
}
