/** Failures of writing and reading disks. */
export const DISK_ERRORS = {
  DISK_TOO_SMALL: { exitCode: 3, httpStatus: 422, summary: 'What should go on the disk does not fit.' },
  DISK_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A disk, partition table or file system is malformed.',
  },
  DISK_NAME_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A name cannot be represented on that file system.',
  },
  DISK_TREE_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A file tree holds something that file system cannot represent.',
  },
  DISK_CONTENT_CHANGED: {
    exitCode: 5,
    httpStatus: 500,
    summary: 'A file yielded more or fewer bytes than were announced.',
  },
  DISK_NO_SPACE: {
    exitCode: 4,
    httpStatus: 507,
    summary: 'The file system that should hold a disk image is full.',
  },
} as const;
