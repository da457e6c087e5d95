import { collectBytes, errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { type HttpResponse, header } from './http.ts';
import { TIMEOUT_CODES } from './http-exchange.ts';
import { parseRetryAfter, Transient } from './retry.ts';

/** What was being done, for messages. */
export interface RequestContext {
  /** "pull the manifest v1": stands after "cannot". */
  readonly doing: string;
  readonly registry: string;
  readonly repository: string;
  /** Whether credentials were found for the repository. */
  readonly hasCredentials: boolean;
  /** Whether the registry answered anything before: what is refused then is worth more patience. */
  readonly hasAnswered: boolean;
  /** Now, for `Retry-After` with a date. */
  readonly nowMs: number;
}

/** What a registry says of a failure (distribution-spec, "Error codes"). */
const MAX_ERROR_BYTES = 65_536;

/** Statuses that may pass by themselves. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([
  408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524,
]);

/**
 * The error of a refusal by a place the registry sent us to, which never knew who we are: its address holds a permission that ends
 * after a while, so the registry is asked for another once more.
 */
export function refusedElsewhere(response: HttpResponse, context: RequestContext): Transient {
  const { doing, registry, repository } = context;
  const error = new SlipwayError(
    'OCI_REGISTRY_FAILED',
    `cannot ${doing} ${registry}/${repository}: ${response.url.host}, where the registry redirects to, answers ${response.status}`,
    {
      hint: 'check the clock of this machine, or ask who runs the registry',
      details: { registry, repository, status: response.status },
    },
  );
  return new Transient(error, { attempts: 2 });
}

/** The error of an answer nobody wanted; {@link Transient} around it when it may pass. */
export async function errorOfResponse(response: HttpResponse, context: RequestContext): Promise<Error> {
  const words = await registryWords(response);
  const error = statusError(response.status, words, context);
  if (!TRANSIENT_STATUSES.has(response.status)) return error;
  const retryAfterMs = parseRetryAfter(header(response, 'retry-after'), context.nowMs);
  return new Transient(error, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function statusError(status: number, words: string, context: RequestContext): SlipwayError {
  const { doing, registry, repository, hasCredentials } = context;
  const details = { registry, repository, status };
  const said = words === '' ? '' : ` (${words})`;
  const where = `${registry}/${repository}`;
  if (status === 401 || status === 403) {
    return new SlipwayError(
      'OCI_UNAUTHORIZED',
      `cannot ${doing} ${where}: the registry answers ${status}${said}`,
      {
        hint: hasCredentials
          ? `the credentials for ${registry} are wrong or do not allow this: podman login ${registry}`
          : `log in first: podman login ${registry}, or put credentials into /etc/slipway/auth.json`,
        details,
      },
    );
  }
  if (status === 404) {
    return new SlipwayError('OCI_NOT_FOUND', `cannot ${doing} ${where}: it is not there${said}`, {
      hint: 'check the name and the tag; registries also say so to who may not see it',
      details,
    });
  }
  return new SlipwayError(
    'OCI_REGISTRY_FAILED',
    `cannot ${doing} ${where}: the registry answers ${status}${said}`,
    {
      hint:
        status === 429
          ? 'the registry limits how often it is asked: log in, or wait'
          : 'try again later, or ask who runs the registry',
      details,
    },
  );
}

/** Code and message of the first error, as one short line. */
async function registryWords(response: HttpResponse): Promise<string> {
  try {
    const bytes = await collectBytes(response.body, MAX_ERROR_BYTES, () => new Error('too long'));
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    const errors = isRecord(json) ? json['errors'] : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    if (!isRecord(first)) return '';
    const words = [first['code'], first['message']].filter((word) => typeof word === 'string' && word !== '');
    return words
      .join(': ')
      .replaceAll(/[\p{Cc}\s]+/gu, ' ')
      .slice(0, 300);
  } catch {
    // Proxies answer with pages, or not to the end: the status alone says enough.
    return '';
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** A registry that never answered and where nothing listens: a wrong name or port, rarely one being restarted. */
const ATTEMPTS_WHERE_NOTHING_LISTENS = 3;

const TLS_REFUSED =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)/;
const NOT_TLS = /^(?:EPROTO$|ERR_SSL_)/;

/** The error of a request that got no answer; {@link Transient} around it when it may pass. */
export function errorOfConnection(cause: unknown, context: RequestContext): Error {
  if (cause instanceof SlipwayError || isAbort(cause)) return cause as Error;
  const code = errnoOf(cause) ?? '';
  const { doing, registry, repository } = context;
  const error = new SlipwayError(
    'OCI_UNREACHABLE',
    `cannot ${doing} ${registry}/${repository}: ${connectionWords(cause, code)}`,
    { hint: connectionHint(code, registry), details: { registry, repository, code }, cause },
  );
  const isFinal = TLS_REFUSED.test(code) || NOT_TLS.test(code) || code === 'ENOTFOUND';
  if (isFinal) return error;
  const isFutile = code === 'ECONNREFUSED' && !context.hasAnswered;
  return new Transient(error, isFutile ? { attempts: ATTEMPTS_WHERE_NOTHING_LISTENS } : {});
}

function connectionWords(cause: unknown, code: string): string {
  if (NOT_TLS.test(code)) return 'it does not speak TLS';
  if (TLS_REFUSED.test(code))
    return TLS_WORDS[code] ?? 'its certificate is signed by nobody this machine trusts';
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'ENOTFOUND':
      return 'the name of the host is not known';
    case 'EAI_AGAIN':
      return 'the name of the host cannot be looked up now';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to it from here';
    case TIMEOUT_CODES.connect:
    case TIMEOUT_CODES.headers:
      return 'it does not answer';
    case TIMEOUT_CODES.stall:
      return 'it stopped sending';
    case 'ECONNRESET':
      return 'the connection broke';
    default:
      return messageOf(cause);
  }
}

/** What is wrong with a certificate where it is not that nobody vouches for it. */
const TLS_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  HOSTNAME_MISMATCH: 'its certificate is for another name',
};

function connectionHint(code: string, registry: string): string {
  if (code in TLS_WORDS) return 'ask who runs the registry, and check its name and the clock of this machine';
  if (TLS_REFUSED.test(code)) {
    return `its certificate is not trusted: put its authority into /etc/containers/certs.d/${registry}/ca.crt`;
  }
  if (NOT_TLS.test(code)) {
    return `if it is meant to speak plain HTTP, say so in /etc/containers/registries.conf.d: [[registry]] with location = "${registry}" and insecure = true`;
  }
  return 'check the name, the network and the proxy settings';
}

/** Whether something thrown says that the caller cancelled. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'AbortError' || errnoOf(thrown) === 'ABORT_ERR');
}

/** Whether a connection failed before TLS was spoken: the other side may speak plain HTTP. */
export function mayBePlainHttp(thrown: unknown): boolean {
  const code = errnoOf(thrown) ?? '';
  return NOT_TLS.test(code) || code === 'ECONNRESET' || code === 'ECONNREFUSED';
}
