/** Steps that change which boot entries there are, the same in both directions. */
import { type BootEntry, formatBootEntry, removeBootEntry, writeBootEntry } from '@slipway/boot';
import { during } from '../failure.ts';
import type { HostSystem } from '../system.ts';

/** One durable change of an entry; what a cut after it leaves is said where the steps are put in order. */
export type EntryStep =
  | {
      readonly kind: 'write-entry';
      readonly fileName: string;
      readonly deployment: string;
      readonly entry: BootEntry;
    }
  | { readonly kind: 'remove-entry'; readonly fileName: string; readonly deployment: string };

/** The same as it is told. */
export interface EntryStepTold {
  readonly kind: EntryStep['kind'];
  readonly fileName: string;
  readonly deployment: string;
}

/** @throws SlipwayError NO_SPACE, IO_FAILED */
export async function takeEntryStep(system: HostSystem, step: EntryStep): Promise<void> {
  const { esp } = system;
  if (step.kind === 'write-entry') {
    await during('write a boot entry', esp, () => writeBootEntry(esp, step.fileName, step.entry));
    system.checkpoint?.('entry-written');
  } else {
    await during('remove a boot entry', esp, () => removeBootEntry(esp, step.fileName));
    system.checkpoint?.('entry-removed');
  }
}

export function toldEntryStep({ kind, fileName, deployment }: EntryStep): EntryStepTold {
  return { kind, fileName, deployment };
}

/** Whether two entries say the same. */
export function isSameEntry(one: BootEntry, other: BootEntry): boolean {
  return formatBootEntry(one) === formatBootEntry(other);
}
