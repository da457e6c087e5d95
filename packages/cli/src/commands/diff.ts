import { compareImages, type FileChange } from '@slipway/build';
import type { Operation } from '@slipway/core';
import { deploymentReference, imageKernelArguments, runningSystem } from '@slipway/host';
import { expandReference, type Reference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { diffLines, type ShownDifference } from '../render/image-diff.ts';
import { machineArchitecture } from './architecture.ts';

interface DiffInput {
  readonly from: string;
  readonly to: string;
  readonly files: boolean;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly json: boolean;
}

/** `slipway diff FROM TO`. */
export async function diff(input: DiffInput, context: CommandContext): Promise<number> {
  const changes: FileChange[] = [];
  const difference = await compareImages(
    {
      from: await referenceOfSide(input.from, context.operation),
      to: await referenceOfSide(input.to, context.operation),
      architecture: input.arch ?? machineArchitecture(),
      readKernelArguments: async (tree, architecture, read) =>
        (await imageKernelArguments(tree, architecture, read)).map(({ text }) => text),
      ...(input.files ? { onFile: (change) => changes.push(change) } : {}),
    },
    context.operation,
  );
  const shown: ShownDifference = {
    ...difference,
    download: { ...difference.download, deltaBytes: difference.download.deltaBytes ?? null },
    ...(input.files ? { fileList: changes.filter(({ kind }) => kind !== 'times').map(readable) } : {}),
  };
  emit(context, input, shown, diffLines);
  return 0;
}

const DEPLOYMENTS: ReadonlySet<string> = new Set(['booted', 'staged', 'rollback']);

/** An image, or by its part on this host the image of a deployment. */
async function referenceOfSide(text: string, operation: Operation): Promise<Reference> {
  return DEPLOYMENTS.has(text)
    ? await deploymentReference(runningSystem(), text)
    : await expandReference(text, operation);
}

/** Names are bytes; people and JSON want text. */
function readable(change: FileChange): FileChange {
  return { ...change, path: Buffer.from(change.path, 'latin1').toString('utf8') };
}
