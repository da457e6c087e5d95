import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a program said until it was ready. */
export interface AwaitedLine {
  readonly match: RegExpExecArray;
  /** Its last lines; those it says later come to them. */
  readonly log: readonly string[];
}

const KEPT_LINES = 400;

/**
 * Waits for the line of its error output by which a program says that it is ready.
 *
 * @param what the program in words
 * @throws Error with its last lines when it ends before
 */
export async function awaitedLine(child: ChildProcess, pattern: RegExp, what: string): Promise<AwaitedLine> {
  const log: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  child.once('error', reject);
  if (child.stderr === null) throw new Error(`${what} was started without its pipe`);
  createInterface({ input: child.stderr })
    .on('line', (line) => {
      log.push(line);
      if (log.length > KEPT_LINES) log.shift();
      const match = pattern.exec(line);
      if (match !== null) resolve(match);
    })
    .on('close', () => reject(new Error(`${what} ended:\n${log.join('\n')}`)));
  return { match: await promise, log };
}
