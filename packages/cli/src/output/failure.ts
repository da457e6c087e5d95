import { isSlipwayError, messageOf, SlipwayError, type SystemRefusal, systemRefusal } from '@slipway/core';
import { safeText } from './safe-text.ts';
import type { Style } from './style.ts';

/** Something thrown, as the command line reports it. */
export type Failure =
  | { readonly kind: 'expected'; readonly error: SlipwayError; readonly exitCode: number }
  /** Not one of our errors: a bug, and the stack is what helps. */
  | { readonly kind: 'bug'; readonly thrown: unknown; readonly exitCode: 125 };

/** What the reader can do about a refused system call. */
const ERRNO_HINT: Readonly<Record<string, string>> = {
  EACCES: 'run the command as a user who may, or name another place',
  EPERM: 'run the command as a user who may, or name another place',
  ENOENT: 'check the path',
  ENOTDIR: 'check the path',
  ENOSPC: 'free some space, or name a place on another file system',
  EDQUOT: 'free some space, or name a place on another file system',
  EROFS: 'name a place that can be written to',
};

/** Sorts anything thrown: ours, a refused system call, a cancelled step, or a bug. */
export function failureOf(thrown: unknown): Failure {
  const error = isSlipwayError(thrown) ? thrown : (fromSystemCall(thrown) ?? fromAbort(thrown));
  if (error === undefined || error.code === 'INTERNAL') return { kind: 'bug', thrown, exitCode: 125 };
  return { kind: 'expected', error, exitCode: error.exitCode };
}

/** What a person reads: one line, a hint, and with `verbose` everything known. */
export function failureText(failure: Failure, style: Style, verbose: boolean): readonly string[] {
  if (failure.kind === 'bug') return bugText(failure.thrown, style);
  const { error } = failure;
  const lines = [`${style.bad('error:')} ${safeText(error.message)}`];
  for (const finding of error.findings) lines.push(`  ${safeText(finding)}`);
  if (error.hint !== undefined) lines.push(`${style.warn('hint:')} ${safeText(error.hint)}`);
  if (!verbose) return lines;
  lines.push(style.dim(`code: ${error.code}`));
  for (const [key, fact] of Object.entries(error.details)) {
    lines.push(style.dim(safeText(`${key}: ${String(fact)}`)));
  }
  return [...lines, ...causes(error).map((cause) => style.dim(safeText(`cause: ${cause}`)))];
}

/** The same for a program: one line of JSON. */
export function failureJson(failure: Failure): string {
  if (failure.kind === 'bug') {
    const stack = failure.thrown instanceof Error ? failure.thrown.stack : undefined;
    return JSON.stringify({
      type: 'error',
      code: 'INTERNAL',
      message: messageOf(failure.thrown),
      stack,
      exitCode: 125,
    });
  }
  const { code, message, hint, details, findings } = failure.error;
  return JSON.stringify({
    type: 'error',
    code,
    message,
    ...(findings.length > 0 ? { findings } : {}),
    hint,
    details,
    exitCode: failure.exitCode,
  });
}

function bugText(thrown: unknown, style: Style): readonly string[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return [
    `${style.bad('internal error:')} ${safeText(messageOf(thrown))}`,
    `${style.warn('hint:')} this is a bug in Slipway; please report it with the command and all of this text`,
    safeText(stack),
    ...causes(thrown).map((cause) => safeText(`cause: ${cause}`)),
  ];
}

/** Messages below an error, nearest first; a chain that bites its own tail ends. */
function causes(thrown: unknown): readonly string[] {
  const found: string[] = [];
  let next: unknown = thrown instanceof Error ? thrown.cause : undefined;
  while (next !== undefined && next !== null && found.length < 10) {
    found.push(messageOf(next));
    next = next instanceof Error ? next.cause : undefined;
  }
  return found;
}

function fromSystemCall(thrown: unknown): SlipwayError | undefined {
  const refusal = systemRefusal(thrown);
  if (refusal === undefined) return undefined;
  const { errno, syscall, path, meaning } = refusal;
  const hint = ERRNO_HINT[errno];
  const what = path === undefined ? syscall : `${syscall} ${path}`;
  return new SlipwayError(isFull(refusal) ? 'NO_SPACE' : 'IO_FAILED', `cannot ${what}: ${meaning}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { errno },
    cause: thrown,
  });
}

function isFull({ errno }: SystemRefusal): boolean {
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}

function fromAbort(thrown: unknown): SlipwayError | undefined {
  if (!(thrown instanceof Error) || thrown.name !== 'AbortError') return undefined;
  return new SlipwayError('ABORTED', 'cannot go on: cancelled', { cause: thrown });
}
