/** One exit code of the command line and what it means. */
export interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

/** The exit codes every command shares, in the order the reference lists them. */
export const EXIT_CODES: readonly ExitCode[] = [
  { code: 0, meaning: 'done, or the answer is yes' },
  { code: 1, meaning: 'the answer is no: not a Slipway host, nothing to roll back to, a conflict' },
  { code: 2, meaning: 'the command line was not understood; nothing was done' },
  { code: 3, meaning: 'the input is not usable: an image, a reference, a file' },
  { code: 4, meaning: 'this machine lacks something: root, a program, space' },
  { code: 5, meaning: 'something outside failed: a registry, a program, a disk' },
  { code: 125, meaning: 'a bug in Slipway' },
  { code: 130, meaning: 'stopped by Ctrl-C (143 when stopped by SIGTERM)' },
];
