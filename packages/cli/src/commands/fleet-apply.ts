import type { CommandContext } from '../command/spec.ts';
import { isSame, whatIsThere } from '../fleet/compare.ts';
import { atServer } from '../fleet/fleet-client.ts';
import { readResources } from '../fleet/resource-files.ts';

interface FleetApplyInput {
  readonly filename: string;
  readonly dryRun: boolean;
}

/** `slipway fleet apply -f FILE`. */
export async function fleetApply(
  { filename, dryRun }: FleetApplyInput,
  context: CommandContext,
): Promise<number> {
  const resources = await readResources(filename);
  await atServer(async (client) => {
    for (const { resource, verbs } of resources) {
      const { kind, metadata } = resource;
      const before = await whatIsThere(client, verbs, metadata.name);
      if (before !== undefined && isSame(before, resource)) {
        context.print(`${kind} ${metadata.name} unchanged\n`);
        continue;
      }
      await verbs.put(client, resource as never, dryRun);
      const done = before === undefined ? 'created' : 'changed';
      context.print(`${kind} ${metadata.name} ${done}${dryRun ? ' (dry run)' : ''}\n`);
    }
  });
  return 0;
}
