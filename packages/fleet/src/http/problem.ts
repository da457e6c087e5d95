import { ERRORS, isSlipwayError, SlipwayError } from '@slipway/core';
import type { Problem } from '@slipway/fleet-api';

/** A failure as a document (RFC 9457). Of what is not ours nothing is told: it stands in the log under the same id. */
export function problemOf(thrown: unknown, requestId: string): Problem {
  const error = toSlipwayError(thrown);
  const { httpStatus, summary } = ERRORS[error.code];
  return {
    type: `https://slipway.dev/errors/${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: summary,
    status: httpStatus,
    detail: error.message,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.findings.length === 0 ? {} : { findings: error.findings }),
    requestId,
  };
}

function toSlipwayError(thrown: unknown): SlipwayError {
  if (isSlipwayError(thrown)) return thrown;
  const { statusCode, message } = thrown as { readonly statusCode?: number; readonly message?: string };
  if (statusCode === 413) {
    return new SlipwayError('FLEET_BODY_TOO_LARGE', 'cannot take a request that large', { cause: thrown });
  }
  if (statusCode !== undefined && statusCode < 500) {
    return new SlipwayError(
      'FLEET_BODY_INVALID',
      `cannot read the request: ${message ?? 'it is malformed'}`,
      { cause: thrown },
    );
  }
  return new SlipwayError('INTERNAL', 'cannot answer: something went wrong in the server', {
    hint: 'its log says more, under the id of this request',
    cause: thrown,
  });
}

export function notFound(what: string, name: string): SlipwayError {
  return new SlipwayError('FLEET_NOT_FOUND', `cannot find the ${what} ${name}`, {
    hint: 'it may never have been there, be deleted, or be none of your business',
  });
}

export function forbidden(why: string): SlipwayError {
  return new SlipwayError('FLEET_FORBIDDEN', `cannot do that: ${why}`, {
    hint: 'ask an administrator of your organisation for a role that allows it',
  });
}

export function invalid(message: string, findings: readonly string[] = []): SlipwayError {
  return new SlipwayError('FLEET_REQUEST_INVALID', message, { findings });
}
