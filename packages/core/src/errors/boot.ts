/** Failures of boot entries. */
export const BOOT_ERRORS = {
  BOOT_ENTRY_INVALID: { exitCode: 3, httpStatus: 422, summary: 'A boot entry does not parse.' },
  BOOT_SPACE: { exitCode: 4, httpStatus: 507, summary: 'The boot partition has no room for another kernel.' },
  GRUB_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'GRUB for BIOS cannot be made of the modules given, or its records do not parse.',
  },
  KERNEL_ARGUMENT_INVALID: {
    exitCode: 3,
    httpStatus: 400,
    summary: 'A kernel argument cannot be represented.',
  },
} as const;
