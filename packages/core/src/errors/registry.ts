/** Failures of serving a registry. */
export const REGISTRY_ERRORS = {
  REGISTRY_LISTEN_FAILED: {
    exitCode: 4,
    httpStatus: 503,
    summary: 'The address a registry should listen on cannot be used.',
  },
  REGISTRY_TLS_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The certificate or key of a registry cannot be used.',
  },
  REGISTRY_USERS_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The file that lists who may use a registry cannot be used.',
  },
} as const;
