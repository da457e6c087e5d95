/** Checking the root file system of an image. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { messageOf, type OperationOptions, operation, SlipwayError, startTask } from '@slipway/core';
import type { Lint, LintContext, LintLevel } from './lint.ts';
import { LintRoot } from './lint-root.ts';
import { LINTS } from './lint-table.ts';

/** What to check. */
export interface LintRequest extends LintContext {
  /** The root file system. */
  readonly root: string;
  /** Names of checks to leave out. */
  readonly skip?: readonly string[];
}

/** What one check found. */
export interface LintOutcome {
  readonly name: string;
  readonly level: LintLevel;
  readonly findings: readonly string[];
}

/** What all found. */
export interface LintReport {
  readonly passed: number;
  readonly skipped: number;
  /** Checks that failed, fatal ones included. */
  readonly failed: readonly LintOutcome[];
  /** How many of them are fatal, and how many are warnings. */
  readonly fatal: number;
  readonly warnings: number;
}

/**
 * Runs every check over a tree. What a builder covers with its own files is left out for `/`.
 *
 * @throws SlipwayError USAGE for the name of no check, IO_FAILED when the tree cannot be read
 */
export async function lintRoot(request: LintRequest, options: OperationOptions = {}): Promise<LintReport> {
  const { signal, progress } = operation(options);
  const skip = knownNames(request.skip ?? []);
  const root = await openRoot(request.root);
  const isInPlace = resolve(request.root) === '/';
  const chosen = LINTS.filter(({ name, notInPlace }) => !skip.has(name) && !(isInPlace && notInPlace));
  const task = startTask(progress, 'check the image', 'steps', chosen.length);
  const outcomes: LintOutcome[] = [];
  for (const lint of chosen) {
    signal.throwIfAborted();
    outcomes.push(await runLint(lint, root, request));
    task.advance(1);
  }
  task.end();
  return reportOf(outcomes, LINTS.length - chosen.length);
}

/** Adds up what the checks found. */
function reportOf(outcomes: readonly LintOutcome[], skipped: number): LintReport {
  const failed = outcomes.filter(({ findings }) => findings.length > 0);
  const fatal = failed.filter(({ level }) => level === 'fatal').length;
  return {
    passed: outcomes.length - failed.length,
    skipped,
    failed,
    fatal,
    warnings: failed.length - fatal,
  };
}

async function runLint(lint: Lint, root: LintRoot, context: LintContext): Promise<LintOutcome> {
  try {
    const { name, level } = lint;
    return { name, level, findings: await lint.check(root, context) };
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot check ${lint.name}: ${messageOf(cause)}`, { cause });
  }
}

async function openRoot(directory: string): Promise<LintRoot> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() === true) return new LintRoot(directory);
  throw new SlipwayError('IO_FAILED', `cannot check ${directory}: it is not a directory`);
}

function knownNames(names: readonly string[]): ReadonlySet<string> {
  const unknown = names.find((name) => LINTS.every((lint) => lint.name !== name));
  if (unknown === undefined) return new Set(names);
  throw new SlipwayError('USAGE', `cannot skip ${unknown}: there is no such check`, {
    hint: 'slipway container lint --list shows all of them',
  });
}
