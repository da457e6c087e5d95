/** Failures of reading what a disk or an installation is to become, and of installing. */
export const INSTALL_ERRORS = {
  CONFIG_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary:
      'A configuration file asks for something that does not exist, contradicts itself, or cannot be done here.',
  },
  KICKSTART_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary:
      'A kickstart file is malformed, contradicts itself, or asks for something that cannot be done here.',
  },
  DISK_NOT_FOUND: {
    exitCode: 3,
    httpStatus: 404,
    summary: 'There is no such disk, or none that an installation may use.',
  },
  DISK_UNSUITABLE: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A disk or file system is of a kind nothing can be installed on.',
  },
  DISK_IN_USE: { exitCode: 4, httpStatus: 409, summary: 'A disk that was to be written is in use.' },
  DISK_NOT_EMPTY: {
    exitCode: 3,
    httpStatus: 409,
    summary: 'There is something where an installation would write, and nobody said it may be erased.',
  },
  IMAGE_LACKS_STORAGE: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The initramfs of an image cannot open the storage its root would be on.',
  },
  TARGET_UNREACHABLE: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A host would follow an image that cannot be reached from here.',
  },
  SCRIPT_FAILED: {
    exitCode: 5,
    httpStatus: 500,
    summary: 'A script of a kickstart file ended with an error.',
  },
} as const;
