/** Failures of fleet servers and of talking to them. */
export const FLEET_ERRORS = {
  FLEET_NOT_FOUND: { exitCode: 1, httpStatus: 404, summary: 'There is no such thing, or not for who asks.' },
  FLEET_UNAUTHENTICATED: { exitCode: 4, httpStatus: 401, summary: 'The server does not know who asks.' },
  FLEET_FORBIDDEN: { exitCode: 4, httpStatus: 403, summary: 'Who asks may not do that.' },
  FLEET_CONFLICT: { exitCode: 1, httpStatus: 409, summary: 'What is asked contradicts what is.' },
  FLEET_CHANGED: {
    exitCode: 1,
    httpStatus: 412,
    summary: 'A resource was changed by somebody else in the meantime.',
  },
  FLEET_REQUEST_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'What was sent to a fleet server makes no sense.',
  },
  FLEET_BODY_INVALID: { exitCode: 3, httpStatus: 400, summary: 'A request to a fleet server is malformed.' },
  FLEET_BODY_TOO_LARGE: {
    exitCode: 3,
    httpStatus: 413,
    summary: 'A request to a fleet server is larger than any should be.',
  },
  FLEET_TOO_MANY_TRIES: { exitCode: 4, httpStatus: 429, summary: 'Too many failed logins from one place.' },
  FLEET_ANSWER_INVALID: {
    exitCode: 5,
    httpStatus: 502,
    summary: 'A fleet server answered with something that is no answer.',
  },
  FLEET_UNREACHABLE: { exitCode: 5, httpStatus: 502, summary: 'A fleet server could not be reached.' },
  FLEET_LISTEN_FAILED: {
    exitCode: 4,
    httpStatus: 500,
    summary: 'A fleet server cannot listen where it should.',
  },
  FLEET_CERTIFICATE_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A request for a certificate is malformed or not signed by its key.',
  },
  FLEET_PROVIDER_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The settings of an identity provider make no sense.',
  },
  FLEET_PROVIDER_FAILED: {
    exitCode: 5,
    httpStatus: 502,
    summary: 'An identity provider could not be reached, or does not answer as one.',
  },
  FLEET_ADDRESS_REFUSED: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A fleet server was given a URL that leads where it must not go.',
  },
  FLEET_NETWORK_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'What a fleet server is told to reach is no network.',
  },
  FLEET_GIT_FAILED: {
    exitCode: 5,
    httpStatus: 502,
    summary: 'A git repository could not be read.',
  },
  FLEET_SOURCE_FAILED: {
    exitCode: 5,
    httpStatus: 502,
    summary: 'Something a configuration is made of could not be had.',
  },
  FLEET_DATABASE_UNUSABLE: {
    exitCode: 4,
    httpStatus: 503,
    summary: 'The database of a fleet server cannot be used.',
  },
  FLEET_DATABASE_NEWER: {
    exitCode: 4,
    httpStatus: 503,
    summary: 'The database of a fleet server was written by a newer version.',
  },
  FLEET_BACKUP_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A backup of a fleet server is damaged, incomplete or from a newer version.',
  },
  AGENT_CONFIG_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The configuration of the agent is missing or malformed.',
  },
  AGENT_KEY_UNUSABLE: {
    exitCode: 4,
    httpStatus: 503,
    summary: 'The key of a host in a fleet cannot be used, or not be kept as it is to be.',
  },
  AGENT_FILE_REFUSED: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A fleet wants a file in a place where fleets may put none.',
  },
} as const;
