/** Failures of trees, EROFS images and the object store. */
export const COMPOSEFS_ERRORS = {
  TREE_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A file tree holds something that cannot be represented.',
  },
  LAYER_ENTRY_REFUSED: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A layer holds an entry that is unsafe or makes no sense.',
  },
  EROFS_INVALID: { exitCode: 3, httpStatus: 422, summary: 'An EROFS image is malformed.' },
  DUMP_INVALID: { exitCode: 3, httpStatus: 422, summary: 'A composefs dump is malformed.' },
  REPOSITORY_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The directory is not an object store this version understands.',
  },
  REPOSITORY_LOCKED: { exitCode: 5, httpStatus: 409, summary: 'Another process holds the object store.' },
  OBJECT_CORRUPT: { exitCode: 5, httpStatus: 500, summary: 'An object does not match its digest.' },
  VERITY_UNAVAILABLE: {
    exitCode: 4,
    httpStatus: 503,
    summary: 'The object store must be sealed, but its file system or kernel has no fs-verity.',
  },
  DELTA_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A delta is malformed, or does not make the layer it is for.',
  },
  DELTA_POINTLESS: {
    exitCode: 1,
    httpStatus: 409,
    summary: 'Between two images there is nothing a delta would save.',
  },
  DELTA_BASE_MISSING: {
    exitCode: 3,
    httpStatus: 409,
    summary: 'The store does not hold the image a delta starts from.',
  },
  SELINUX_POLICY_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The SELinux policy of an image is malformed.',
  },
  OBJECT_MISSING: { exitCode: 5, httpStatus: 500, summary: 'An object the store should have is not there.' },
} as const;
