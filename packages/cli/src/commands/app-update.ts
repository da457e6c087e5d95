import { SlipwayError } from '@slipway/core';
import {
  type AppResult,
  installApp,
  listApps,
  referenceOf,
  requireApp,
  runningSystem,
  systemdServices,
} from '@slipway/host';
import { expandReference, openImage } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { appWords } from '../render/app.ts';

interface AppUpdateInput {
  readonly name: string | undefined;
  readonly image: string | undefined;
  readonly allowDenied: boolean;
  readonly signaturePolicy: string | undefined;
  readonly json: boolean;
}

/** `slipway app update [NAME]`. With several, one that fails does not keep the others from theirs. */
export async function appUpdate(input: AppUpdateInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const system = runningSystem();
  if (input.name === undefined && input.image !== undefined) {
    throw new SlipwayError('USAGE', 'cannot give every app the same image', {
      hint: 'slipway app update NAME --image REF',
    });
  }
  const apps = input.name === undefined ? await listApps(system) : [await requireApp(system, input.name)];
  const services = systemdServices(operation);
  const results: AppResult[] = [];
  const failures: unknown[] = [];
  for (const { name, current } of apps) {
    const reference =
      input.image === undefined ? referenceOf(current.image) : await expandReference(input.image, operation);
    await using source = openImage(reference);
    const { signaturePolicy, allowDenied } = input;
    const kind = current.kind;
    const how = { signaturePolicy, allowRefused: allowDenied, command: 'slipway app update' };
    const request = { name, kind, source, reference, ...how };
    try {
      results.push(await installApp(system, request, { ...operation, services }));
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  emit(context, input, results, appWords);
  const [first, ...others] = failures;
  for (const other of others) operation.log.error(other instanceof Error ? other.message : String(other));
  if (first !== undefined) throw first;
  return 0;
}
