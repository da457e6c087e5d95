/** Failures of choosing devices, ordering releases and rolling them out. */
export const ROLLOUT_ERRORS = {
  SELECTOR_INVALID: { exitCode: 3, httpStatus: 400, summary: 'A label selector does not parse.' },
  RELEASE_GRAPH_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The releases of a stream contradict each other.',
  },
  ROLLOUT_POLICY_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A rollout policy contradicts itself, or could never update anything.',
  },
  ROLLOUT_STATE_REFUSED: {
    exitCode: 1,
    httpStatus: 409,
    summary: 'A rollout cannot be paused, resumed, approved, aborted or rolled back in its present phase.',
  },
  OMAHA_INVALID: { exitCode: 3, httpStatus: 400, summary: 'A request of the Omaha protocol does not parse.' },
  RESOURCE_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'Resources of a fleet, from a file or from git, do not parse.',
  },
} as const;
