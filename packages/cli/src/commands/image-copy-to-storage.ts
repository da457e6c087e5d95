import { copyDeployment, runningSystem } from '@slipway/host';
import { parseReference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface CopyToStorageInput {
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly json: boolean;
}

/** As with bootc. */
const DEFAULT_TARGET = 'localhost/bootc';
const STORAGE = 'containers-storage:';

/** `slipway image copy-to-storage`. */
export async function imageCopyToStorage(
  { source, target = DEFAULT_TARGET, json }: CopyToStorageInput,
  context: CommandContext,
): Promise<number> {
  const place = parseReference(target.startsWith(STORAGE) ? target : `${STORAGE}${target}`);
  const copied = await copyDeployment(runningSystem(), { source, target: place }, context.operation);
  emit(context, { json }, copied, (done) => [
    `${done.target}  from the deployment ${done.deployment.slice(0, 12)}`,
  ]);
  return 0;
}
