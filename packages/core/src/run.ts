import { spawn } from 'node:child_process';
import { errnoOf, SlipwayError } from './errors/slipway-error.ts';
import type { Logger } from './log.ts';

/** How to run a program. */
export interface RunOptions {
  /** What this is for, in the words of an error: "build the base image". */
  readonly describe: string;
  /** Added to the environment; the C locale is always set. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal;
  readonly log?: Logger;
  /** Called with each line of output and error output as it comes. */
  readonly onLine?: (line: string) => void;
  /** Exit codes that are an answer, not a failure (0 always is). */
  readonly allowExitCodes?: readonly number[];
  /** The Debian package that has the program, for the hint when it is missing. */
  readonly debianPackage?: string;
}

/** What a program left behind. */
export interface RunResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Output kept for an error message; the rest was seen by `onLine`. */
const KEPT_STDERR_BYTES = 64 * 1024;

/**
 * Runs a program to its end: argument array, no shell, C locale, output captured.
 *
 * @throws SlipwayError TOOL_MISSING when it is not installed, TOOL_FAILED (with the last lines it
 *   printed) when it ends badly, ABORTED when the signal fires
 */
export async function run(argv: readonly [string, ...string[]], options: RunOptions): Promise<RunResult> {
  const [program, ...args] = argv;
  options.log?.debug('running', { program, args: args.join(' ') });
  if (options.signal?.aborted === true) {
    throw new SlipwayError('ABORTED', `cannot ${options.describe}: cancelled`);
  }
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: options.signal,
  });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-KEPT_STDERR_BYTES);
  });
  if (options.onLine !== undefined) {
    forEachLine(child.stdout, options.onLine);
    forEachLine(child.stderr, options.onLine);
  }
  // A program that ends without reading its input is judged by its exit code, not by our broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');

  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(cannotStart(program, options, cause)));
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
  });
  if (exitCode !== 0 && !(options.allowExitCodes ?? []).includes(exitCode)) {
    const output = lastLines(stderr.trim() === '' ? Buffer.concat(stdout).toString('utf8') : stderr, 20);
    throw new SlipwayError(
      'TOOL_FAILED',
      `cannot ${options.describe}: ${program} ended with ${exitCode}\n${output}`,
      {
        details: { program, exitCode },
      },
    );
  }
  return { stdout: Buffer.concat(stdout), stderr, exitCode };
}

function cannotStart(program: string, options: RunOptions, cause: Error): Error {
  if (cause.name === 'AbortError') {
    return new SlipwayError('ABORTED', `cannot ${options.describe}: cancelled`, { cause });
  }
  if (errnoOf(cause) === 'ENOENT') {
    return new SlipwayError('TOOL_MISSING', `cannot ${options.describe}: ${program} is not installed`, {
      hint: `install it, on Debian: apt-get install ${options.debianPackage ?? program}`,
      details: { program },
      cause,
    });
  }
  return new SlipwayError(
    'TOOL_FAILED',
    `cannot ${options.describe}: ${program} does not start: ${cause.message}`,
    { cause },
  );
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
