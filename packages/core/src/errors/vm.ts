/** Failures of virtual machines. */
export const VM_ERRORS = {
  VM_FAILED: { exitCode: 5, httpStatus: 502, summary: 'The virtual machine ended or could not be started.' },
  VM_UNREACHABLE: {
    exitCode: 5,
    httpStatus: 504,
    summary: 'The virtual machine did not become reachable in time.',
  },
  VM_COMMAND_FAILED: {
    exitCode: 5,
    httpStatus: 502,
    summary: 'A command inside the virtual machine ended with an error.',
  },
} as const;
