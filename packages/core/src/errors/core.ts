/** Failures any package may report. */
export const CORE_ERRORS = {
  INTERNAL: { exitCode: 125, httpStatus: 500, summary: 'A bug in Slipway itself.' },
  ABORTED: { exitCode: 5, httpStatus: 499, summary: 'The operation was cancelled before it finished.' },
  TOOL_MISSING: { exitCode: 4, httpStatus: 503, summary: 'A program this step needs is not installed.' },
  TOOL_FAILED: { exitCode: 5, httpStatus: 502, summary: 'A program this step runs ended with an error.' },
  NOT_ROOT: { exitCode: 4, httpStatus: 403, summary: 'The step changes the system and needs root.' },
  IO_FAILED: {
    exitCode: 5,
    httpStatus: 500,
    summary: 'The operating system refused to read or write a file.',
  },
  NO_SPACE: {
    exitCode: 4,
    httpStatus: 507,
    summary: 'A file system has too little room for what is to be written.',
  },
  USAGE: { exitCode: 2, httpStatus: 400, summary: 'The command line was not understood.' },
} as const;
