/** Failures of a running host. */
export const HOST_ERRORS = {
  NOT_A_SLIPWAY_HOST: {
    exitCode: 1,
    httpStatus: 409,
    summary: 'This machine was not booted from a Slipway deployment.',
  },
  HOST_LOCKED: { exitCode: 5, httpStatus: 409, summary: 'Another update is running on this host.' },
  RESTART_NEEDED: {
    exitCode: 5,
    httpStatus: 409,
    summary: 'This host was reset and waits for its restart.',
  },
  NO_ROLLBACK: { exitCode: 1, httpStatus: 409, summary: 'There is no other deployment to go back to.' },
  NO_SUCH_DEPLOYMENT: {
    exitCode: 1,
    httpStatus: 404,
    summary: 'No deployment of this host has that name.',
  },
  DEPLOYMENT_IN_USE: {
    exitCode: 1,
    httpStatus: 409,
    summary: 'The deployment runs, is staged, boots next or is pinned.',
  },
  ETC_MERGE_CONFLICT: {
    exitCode: 1,
    httpStatus: 409,
    summary: 'Local changes in /etc cannot be combined with the new image.',
  },
  NOTHING_STAGED: { exitCode: 1, httpStatus: 409, summary: 'No update is staged on this host.' },
  ADOPTION_REFUSED: {
    exitCode: 1,
    httpStatus: 409,
    summary: 'The host cannot be taken over from bootc, or given back to it, as it is.',
  },
  SPEC_INVALID: {
    exitCode: 3,
    httpStatus: 400,
    summary: 'What a host should be is not said in a form it understands.',
  },
  APP_INVALID: { exitCode: 3, httpStatus: 422, summary: 'The image cannot be run as an app.' },
  APP_UNSUPPORTED: { exitCode: 1, httpStatus: 409, summary: 'This host cannot run an app of this kind.' },
  APP_NOT_FOUND: { exitCode: 1, httpStatus: 404, summary: 'This host has no app of that name.' },
  APP_EXISTS: { exitCode: 1, httpStatus: 409, summary: 'An app of that name is there already.' },
  APP_REFUSED: { exitCode: 1, httpStatus: 409, summary: 'The image did not work as this app before.' },
  APP_UNHEALTHY: {
    exitCode: 1,
    httpStatus: 500,
    summary: 'The app did not work and what ran before runs again.',
  },
  BOUND_IMAGE_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The image is bound to another in a way that is not understood.',
  },
  FLEET_LOCK_FAILED: { exitCode: 4, httpStatus: 502, summary: 'The fleet lock could not be asked.' },
  SOFT_REBOOT_IMPOSSIBLE: {
    exitCode: 1,
    httpStatus: 409,
    summary: 'What starts next needs more than userspace started anew.',
  },
  STATE_INVALID: { exitCode: 5, httpStatus: 500, summary: 'The state of a deployment on disk is damaged.' },
} as const;
