import { basename } from 'node:path';
import { errnoOf, systemClock } from '@slipway/core';
import { runCli } from './cli.ts';
import type { CommandTable } from './command/spec.ts';
import { cancelOnSignals } from './output/cancellation.ts';
import type { TextSink } from './output/screen.ts';

/** Exit code of a program whose reader went away: 128 plus SIGPIPE. */
const READER_GONE_EXIT_CODE = 141;

/** Runs the command line of this process and ends the process with its exit code. */
export async function runProcess(table: CommandTable): Promise<void> {
  endQuietlyWhenTheReaderIsGone();
  const exitCode = await runCli(process.argv.slice(2), table, {
    // The title is how the launcher of a checkout passes on the name it was called by.
    invokedAs: invokedAs(process.title === 'bootc' ? 'bootc' : process.argv0, process.argv[1] ?? ''),
    env: process.env,
    stdout: { ...sinkOf(process.stdout), writeBytes: (bytes) => writeTaken(process.stdout, bytes) },
    stderr: sinkOf(process.stderr),
    clock: systemClock,
    cancellation: cancelOnSignals(),
  });
  // What a command left open (idle connections) must not keep the process waiting, and what it wrote must be out.
  process.stdout.write('', () => process.exit(exitCode));
}

/** `bootc` when called by that name, as a program or as a script, else `slipway`. */
export function invokedAs(argv0: string, script: string): 'slipway' | 'bootc' {
  return basename(argv0) === 'bootc' || /^bootc(\.[cm]?[jt]s)?$/.test(basename(script)) ? 'bootc' : 'slipway';
}

function endQuietlyWhenTheReaderIsGone(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (thrown: unknown) => {
      process.exit(errnoOf(thrown) === 'EPIPE' ? READER_GONE_EXIT_CODE : 5);
    });
  }
}

function writeTaken(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  // A failed write ends the process through the stream's error event.
  return new Promise((resolve) => {
    stream.write(bytes, () => resolve());
  });
}

function sinkOf(stream: NodeJS.WriteStream): TextSink & { readonly isTerminal: boolean } {
  return {
    write: (text) => {
      stream.write(text);
    },
    // A terminal that does not know its width says 0.
    columns: () => stream.columns || 80,
    isTerminal: stream.isTTY,
  };
}
