/** Failures of building images. */
export const BUILD_ERRORS = {
  BUILD_FAILED: { exitCode: 5, httpStatus: 502, summary: 'The image could not be built.' },
  CONTAINERFILE_MISSING: {
    exitCode: 3,
    httpStatus: 404,
    summary: 'There is no Containerfile where one was looked for.',
  },
  RELEASE_UNKNOWN: { exitCode: 3, httpStatus: 400, summary: 'No recipe for that release.' },
  LINT_FAILED: { exitCode: 1, httpStatus: 422, summary: 'The checks of an image found something wrong.' },
  PACKAGE_DATABASE_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The package database of an image is damaged, or larger than that of any distribution.',
  },
} as const;
