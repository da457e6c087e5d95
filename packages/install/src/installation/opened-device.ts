import type { EncryptionConfig } from '../config/types.ts';
import type { LayerDraft } from './layer-draft.ts';
import { unknownLayout } from './layer-plan.ts';
import type { StepOf } from './step.ts';

/** A device something can be made on, and the encrypted volumes it lies in. */
export interface OpenedDevice {
  readonly path: string;
  readonly encryption: readonly StepOf<'encrypt'>[];
}

/**
 * A device as it is, or encrypted where that is asked for.
 *
 * @throws SlipwayError CONFIG_INVALID for a volume nothing would open
 */
export function draftOpened(
  draft: LayerDraft,
  device: string,
  config: EncryptionConfig | undefined,
): OpenedDevice {
  if (config === undefined) return { path: device, encryption: [] };
  const uuid = draft.uuid('encrypted volume');
  const hasTpm2 = config.tpm2 === true;
  const hasPassphrase = config.passphrase !== undefined;
  if (!hasTpm2 && !hasPassphrase)
    throw unknownLayout(
      `${device} is to be encrypted, and there is neither a passphrase nor a TPM to open it`,
    );
  const step: StepOf<'encrypt'> = {
    kind: 'encrypt',
    device,
    uuid,
    name: `luks-${uuid}`,
    hasPassphrase,
    hasTpm2,
    // A TPM that is cleared or replaced must not take everything with it.
    hasRecoveryKey: config.recovery_key ?? (hasTpm2 && !hasPassphrase),
  };
  if (config.passphrase !== undefined) draft.passphrases.set(uuid, config.passphrase);
  draft.needs.add('luks');
  if (hasTpm2) draft.needs.add('tpm2');
  draft.steps.push(step);
  return { path: `/dev/mapper/${step.name}`, encryption: [step] };
}
