import { type Clock, isSlipwayError, SlipwayError } from '@slipway/core';
import type { GlobalInput } from './command/global-options.ts';
import { type ParsedCommandLine, parseCommandLine } from './command/parser.ts';
import type { CommandContext, CommandTable, ParsedInput } from './command/spec.ts';
import { typedPath } from './command/usage-error.ts';
import { type Cancellation, stoppedBy } from './output/cancellation.ts';
import { type Failure, failureJson, failureOf, failureText } from './output/failure.ts';
import { jsonLogger, type LineWriter, type LogLevel, textLogger } from './output/log.ts';
import { Screen, type TextSink } from './output/screen.ts';
import { styleFor } from './output/style.ts';
import { chooseProgress } from './progress/choose.ts';

/** The world a command line runs in; the process in main.ts, something small in a test. */
export interface CliWorld {
  /** `slipway`, or `bootc` where it is called by that name. */
  readonly invokedAs: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: TextSink & {
    readonly isTerminal: boolean;
    /** Resolves when the reader took them. */
    writeBytes(bytes: Uint8Array): Promise<void>;
  };
  readonly stderr: TextSink & { readonly isTerminal: boolean };
  readonly clock: Clock;
  readonly cancellation: Cancellation;
}

/** Runs one command line to its end and answers with the exit code. Never throws. */
export async function runCli(args: readonly string[], table: CommandTable, world: CliWorld): Promise<number> {
  const parsed = parseOrFail(args, table, world);
  if (typeof parsed === 'number') return parsed;
  if (parsed.kind === 'text') {
    world.stdout.write(parsed.text);
    return 0;
  }
  const { spec, input, globals } = parsed;
  const channel = openChannel(globals, input, table, world);
  try {
    const handler = await spec.load();
    return await handler(input, channel.context);
  } catch (thrown) {
    const stopped = stoppedBy(world.cancellation);
    if (stopped !== undefined && (isAbort(thrown) || isSlipwayError(thrown, 'ABORTED'))) {
      channel.fail({ kind: 'expected', error: stoppedError(stopped.signalName), exitCode: stopped.exitCode });
      return stopped.exitCode;
    }
    const failure = endingWith(spec.failureExitCode, failureOf(thrown));
    channel.fail(failure);
    return failure.exitCode;
  }
}

function parseOrFail(
  args: readonly string[],
  table: CommandTable,
  world: CliWorld,
): ParsedCommandLine | number {
  try {
    return parseCommandLine(args, table, {
      program: world.invokedAs,
      env: world.env,
      widthColumns: world.stdout.columns(),
    });
  } catch (thrown) {
    const [word] = typedPath(args, table);
    // Commands under one word keep to the same tool, or to none.
    const meant = table.commands.find((spec) => spec.path[0] === word);
    const failure = endingWith(meant?.failureExitCode, failureOf(thrown));
    // Nothing was understood, so nobody knows what was wanted but by looking for the words themselves.
    const wantsJson = args.includes('--json') || args.includes('--progress=json');
    const style = styleFor('auto', world.stderr.isTerminal, world.env);
    const lines = wantsJson
      ? [failureJson(failure)]
      : failureText(failure, style, args.includes('--verbose'));
    world.stderr.write(lines.map((line) => `${line}\n`).join(''));
    return failure.exitCode;
  }
}

function endingWith(exitCode: number | undefined, failure: Failure): Failure {
  return failure.kind === 'bug' || exitCode === undefined ? failure : { ...failure, exitCode };
}

interface Channel {
  readonly context: CommandContext;
  readonly fail: (failure: Failure) => void;
}

/** Decides once where everything a command says goes: bars, lines or JSON on standard error, data on standard output. */
function openChannel(
  globals: GlobalInput,
  input: ParsedInput,
  table: CommandTable,
  world: CliWorld,
): Channel {
  const screen = new Screen(world.stderr);
  const write: LineWriter = (line) => screen.line(line);
  const style = styleFor(globals.color, world.stderr.isTerminal, world.env);
  const least: LogLevel = globals.verbose ? 'debug' : globals.quiet ? 'warn' : 'info';
  const inJson = globals.progress === 'json';
  const log = inJson ? jsonLogger(write, least, world.clock) : textLogger(write, least, style);
  return {
    context: {
      operation: {
        signal: world.cancellation.signal,
        progress: chooseProgress(globals, world, screen),
        log,
      },
      print: (text) => world.stdout.write(text),
      printBytes: (bytes) => world.stdout.writeBytes(bytes),
      style: styleFor(globals.color, world.stdout.isTerminal, world.env),
      stdoutIsTerminal: world.stdout.isTerminal,
      invokedAs: world.invokedAs,
      verbose: globals.verbose,
      clock: world.clock,
      table,
    },
    fail(failure) {
      screen.block([]);
      if (inJson || input['json'] === true) write(failureJson(failure));
      else for (const line of failureText(failure, style, globals.verbose)) write(line);
    },
  };
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError';
}

function stoppedError(signalName: string): SlipwayError {
  return new SlipwayError('ABORTED', `cannot go on: stopped by ${signalName}`);
}
