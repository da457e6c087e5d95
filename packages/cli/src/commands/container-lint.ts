import { LINTS, type LintReport, lintRoot } from '@slipway/build';
import { SlipwayError } from '@slipway/core';
import { parseKargsFile, parseRootSetup } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { lintListWords, lintWords } from '../render/lint.ts';

interface ContainerLintInput {
  readonly rootfs: string;
  readonly fatalWarnings: boolean;
  readonly skip: readonly string[];
  readonly noTruncate: boolean;
  readonly list: boolean;
  readonly json: boolean;
}

const ITEMS_SHOWN = 5;

/** `slipway container lint`. */
export async function containerLint(input: ContainerLintInput, context: CommandContext): Promise<number> {
  if (input.list) {
    const all = LINTS.map(({ name, level, summary }) => ({ name, level, summary }));
    emit(context, input, all, lintListWords);
    return 0;
  }
  const { rootfs: root, skip } = input;
  const report = await lintRoot(
    { root, skip, checkKernelArguments, checkRootSetup: parseRootSetup },
    context.operation,
  );
  emit(context, input, report, (found) => lintWords(found, input.noTruncate ? Infinity : ITEMS_SHOWN));
  if (isBad(report, input)) throw lintFailed(report);
  return 0;
}

function isBad({ fatal, warnings }: LintReport, { fatalWarnings }: ContainerLintInput): boolean {
  return fatal > 0 || (fatalWarnings && warnings > 0);
}

/** An image is built for one architecture, and its files may name others: what is wrong on any is wrong. */
function checkKernelArguments(text: string, path: string): void {
  for (const architecture of ['amd64', 'arm64']) parseKargsFile(text, path, architecture);
}

function lintFailed({ failed, fatal, warnings }: LintReport): SlipwayError {
  return new SlipwayError('LINT_FAILED', `cannot pass the image: ${fatal} fatal, ${warnings} warnings`, {
    hint: 'mend what is named above, or leave a check out with --skip',
    details: { failed: failed.map(({ name }) => name).join(' ') },
  });
}
