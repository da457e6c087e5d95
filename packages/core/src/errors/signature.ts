/** Failures of signing images and of trusting them. */
export const SIGNATURE_ERRORS = {
  SIGNATURE_REFUSED: {
    exitCode: 1,
    httpStatus: 403,
    summary: 'No signature of the image satisfies what was asked for, or the policy refuses it.',
  },
  SIGNATURE_POLICY_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The file policy.json, or a file of registries.d, cannot be used.',
  },
  SIGNATURE_KEY_INVALID: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'A key, certificate or trusted root for signatures cannot be used.',
  },
  SIGNATURE_PASSWORD_WRONG: {
    exitCode: 3,
    httpStatus: 401,
    summary: 'The password of a private key is missing or wrong.',
  },
} as const;
