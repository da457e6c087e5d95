import { measureFile, type VerityAlgorithm } from '@slipway/composefs/images';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface ComposefsMeasureInput {
  readonly files: readonly string[];
  readonly algorithm: VerityAlgorithm;
  readonly json: boolean;
}

/** `slipway composefs measure FILE...`. */
export async function composefsMeasure(
  input: ComposefsMeasureInput,
  context: CommandContext,
): Promise<number> {
  const measured: { readonly path: string; readonly digest: string; readonly sizeBytes: number }[] = [];
  for (const path of input.files) {
    const { digest, sizeBytes } = await measureFile(path, input.algorithm);
    measured.push({ path, digest: digest.toString('hex'), sizeBytes });
  }
  emit(context, input, measured, (files) => files.map(({ digest }) => digest));
  return 0;
}
