import type { CommandContext } from '../command/spec.ts';
import { differences, isSame, whatIsThere } from '../fleet/compare.ts';
import { atServer } from '../fleet/fleet-client.ts';
import { readResources } from '../fleet/resource-files.ts';
import { safeText } from '../output/safe-text.ts';

interface FleetDiffInput {
  readonly filename: string;
}

/** `slipway fleet diff -f FILE`: 1 when there is a difference. */
export async function fleetDiff({ filename }: FleetDiffInput, context: CommandContext): Promise<number> {
  const resources = await readResources(filename);
  let changes = 0;
  await atServer(async (client) => {
    for (const { resource, verbs } of resources) {
      const { kind, metadata } = resource;
      const there = await whatIsThere(client, verbs, metadata.name);
      if (there !== undefined && isSame(there, resource)) continue;
      changes += 1;
      context.print(`${kind} ${metadata.name}\n`);
      for (const line of differences(there, resource)) context.print(`${safeText(line)}\n`);
    }
  });
  return changes === 0 ? 0 : 1;
}
