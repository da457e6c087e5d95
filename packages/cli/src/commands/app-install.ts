import { type AppKind, installApp, runningSystem, systemdServices } from '@slipway/host';
import { expandReference, formatReference, openImage, type Reference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { appWords } from '../render/app.ts';

interface AppInstallInput {
  readonly image: string;
  readonly name: string | undefined;
  readonly kind: AppKind;
  readonly allowDenied: boolean;
  readonly signaturePolicy: string | undefined;
  readonly json: boolean;
}

/** `slipway app install REF`. */
export async function appInstall(input: AppInstallInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const reference = await expandReference(input.image, operation);
  await using source = openImage(reference);
  const { kind, signaturePolicy, allowDenied } = input;
  const request = {
    name: input.name ?? nameOf(reference),
    kind,
    source,
    reference,
    signaturePolicy,
    allowRefused: allowDenied,
    command: 'slipway app install',
  };
  const services = systemdServices(operation);
  const result = await installApp(runningSystem(), request, { ...operation, services });
  emit(context, input, result, (app) => appWords([app]));
  return 0;
}

/** The last part of the image's name; what cannot be one is refused with the others. */
function nameOf(reference: Reference): string {
  const place = reference.kind === 'registry' ? reference.repository : formatReference(reference);
  const last = place.split('/').at(-1) ?? '';
  return (last.split(':')[0] ?? '').toLowerCase().replaceAll('_', '-');
}
