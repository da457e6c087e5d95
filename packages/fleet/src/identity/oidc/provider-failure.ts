import { isSlipwayError, messageOf, SlipwayError } from '@slipway/core';
import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';

/** Codes of answers that are not for this login, or not of this provider: those of openid-client. */
const NOT_OURS: ReadonlySet<string> = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
]);

/** What is wrong with us, not with who logs in. */
const OUR_FAULT: ReadonlySet<string> = new Set([
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
  'unsupported_grant_type',
]);

/** A login that comes to nothing: who logs in is refused, or the provider does not work. */
export function providerRefused(reason: unknown): SlipwayError {
  if (isSlipwayError(reason)) return reason;
  if (typeof reason === 'string') return refused(reason);
  if (reason instanceof AuthorizationResponseError || reason instanceof ResponseBodyError) {
    const said = /^[a-z_]{1,64}$/.test(reason.error) ? reason.error : 'an error';
    return OUR_FAULT.has(said)
      ? providerFailed(`it answered ${said}`, reason)
      : refused(`it answered ${said}`);
  }
  if (reason instanceof ClientError && NOT_OURS.has(reason.code ?? ''))
    return refused('what it sent back is not for this login', reason);
  return providerFailed(reason);
}

export function providerFailed(reason: unknown, cause: unknown = reason): SlipwayError {
  if (isSlipwayError(reason)) return reason;
  const why = typeof reason === 'string' ? reason : 'it cannot be reached, or does not answer as one';
  return new SlipwayError('FLEET_PROVIDER_FAILED', `cannot log in by the identity provider: ${why}`, {
    hint: 'see whether it runs, and whether its issuer, client id and secret are those given to the server',
    // Addresses and answers are for the log, not for whoever tries to log in.
    cause: new Error(reasonOf(cause), { cause }),
  });
}

/** What it comes down to: libraries wrap a refused connection three times. */
function reasonOf(error: unknown, depth = 8): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && depth > 0 ? reasonOf(cause, depth - 1) : messageOf(error);
}

function refused(why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('FLEET_UNAUTHENTICATED', `cannot log in by the identity provider: ${why}`, {
    hint: 'begin the login again',
    ...(cause === undefined ? {} : { cause }),
  });
}
