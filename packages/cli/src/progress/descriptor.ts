import { fstatSync, writeSync } from 'node:fs';
import { errnoOf, SlipwayError } from '@slipway/core';

/**
 * A writer of lines to an open file descriptor given by number.
 *
 * @throws SlipwayError USAGE when it is one of the three standard ones or is not open
 */
export function descriptorLines(fd: number): (line: string) => void {
  if (fd < 3) {
    throw new SlipwayError('USAGE', `cannot write progress to file descriptor ${fd}`, {
      hint: 'standard input, output and error are taken; open another one, such as 3>FILE',
    });
  }
  try {
    fstatSync(fd);
  } catch (cause) {
    throw new SlipwayError('USAGE', `cannot write progress to file descriptor ${fd}: it is not open`, {
      hint: `open it in the shell, such as ${fd}>FILE`,
      cause,
    });
  }
  let readerGone = false;
  return (line) => {
    if (readerGone) return;
    try {
      writeSync(fd, `${line}\n`);
    } catch (thrown) {
      // Progress is a service to whoever watches: a full pipe loses a line, a closed one loses them all,
      // and the update goes on.
      readerGone = errnoOf(thrown) !== 'EAGAIN';
    }
  };
}
