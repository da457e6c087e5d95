/** Failures of reaching the system calls of Linux. */
export const LINUX_ERRORS = {
  LINUX_ONLY: { exitCode: 4, httpStatus: 501, summary: 'The step needs Linux and runs on another system.' },
  ADDON_MISSING: {
    exitCode: 4,
    httpStatus: 500,
    summary: 'The native addon with the system calls Node lacks is not there or does not load.',
  },
} as const;
