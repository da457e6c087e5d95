/** Failures while getting or storing images. */
export const OCI_ERRORS = {
  OCI_REFERENCE_INVALID: { exitCode: 3, httpStatus: 400, summary: 'The image reference does not parse.' },
  OCI_DIGEST_INVALID: {
    exitCode: 3,
    httpStatus: 400,
    summary: 'The digest does not parse or uses an unknown algorithm.',
  },
  OCI_DIGEST_MISMATCH: {
    exitCode: 5,
    httpStatus: 502,
    summary: 'The bytes received are not the bytes named by the digest.',
  },
  OCI_NOT_FOUND: {
    exitCode: 5,
    httpStatus: 404,
    summary: 'The image, tag or blob does not exist where it was looked for.',
  },
  OCI_UNAUTHORIZED: {
    exitCode: 5,
    httpStatus: 401,
    summary: 'The registry refused the credentials, or wants some.',
  },
  OCI_UNREACHABLE: { exitCode: 5, httpStatus: 502, summary: 'The registry could not be reached.' },
  OCI_REGISTRY_FAILED: { exitCode: 5, httpStatus: 502, summary: 'The registry answered with an error.' },
  OCI_BLOCKED: { exitCode: 3, httpStatus: 403, summary: 'The file registries.conf forbids the registry.' },
  OCI_AUTH_FILE_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A file with registry credentials cannot be used.',
  },
  OCI_CERTIFICATES_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The certificates configured for a registry cannot be used.',
  },
  OCI_REGISTRIES_CONF_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The file registries.conf cannot be used.',
  },
  OCI_MANIFEST_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A manifest, index or configuration is not valid.',
  },
  OCI_PLATFORM_MISSING: {
    exitCode: 3,
    httpStatus: 404,
    summary: 'The image has no variant for the wanted architecture.',
  },
  OCI_LAYOUT_INVALID: { exitCode: 3, httpStatus: 422, summary: 'The directory is not a valid OCI layout.' },
  OCI_TAR_INVALID: { exitCode: 3, httpStatus: 422, summary: 'A layer is not a valid tar archive.' },
  OCI_COMPRESSION_INVALID: { exitCode: 3, httpStatus: 422, summary: 'A layer does not decompress.' },
  OCI_CHUNKED_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'What a layer says of its files, for fetching them one by one, is not valid.',
  },
  OCI_RANGES_UNSUPPORTED: {
    exitCode: 5,
    httpStatus: 502,
    summary: 'The registry does not send parts of blobs.',
  },
} as const;
