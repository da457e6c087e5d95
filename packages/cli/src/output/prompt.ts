import { createInterface } from 'node:readline';
import { SlipwayError } from '@slipway/core';

/** The first line of standard input: a password from a program. */
export async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  throw new SlipwayError('USAGE', 'cannot set a password: standard input is empty', {
    hint: 'give the password as its first line',
  });
}

/** A line typed at the terminal, not shown. */
export async function typedLine(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const { stdin } = process;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const typed: string[] = [];
  const read = (chunk: Buffer): void => {
    for (const character of chunk.toString('utf8')) {
      if (character === '\r' || character === '\n') resolve(typed.join(''));
      // In raw mode the terminal leaves Ctrl-C and Ctrl-D to us.
      else if (character === '\u0003' || character === '\u0004')
        reject(new SlipwayError('ABORTED', 'cannot go on: no password'));
      else if (character === '\u007f' || character === '\b') typed.pop();
      else typed.push(character);
    }
  };
  stdin.setRawMode(true).on('data', read).resume();
  try {
    return await promise;
  } finally {
    stdin.off('data', read).setRawMode(false).pause();
    process.stderr.write('\n');
  }
}
