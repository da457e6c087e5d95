import { collectBytes, type OperationOptions, SlipwayError } from '@slipway/core';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { type HttpClient, type HttpResponse, headerValues } from './http.ts';
import { errorOfConnection, errorOfResponse, type RequestContext } from './registry-error.ts';
import { type RetryPolicy, withRetries } from './retry.ts';

/** What a request wants to do; a token is asked for just that. */
export type Actions = 'pull' | 'pull,push' | 'delete';

/** Options of {@link Authenticator}. */
export interface AuthenticatorOptions {
  readonly http: HttpClient;
  readonly registry: string;
  readonly repository: string;
  readonly credentials: CredentialSource;
  readonly retry: RetryPolicy;
  /** Another repository of the same registry that will be read too (cross-repository mount). */
  readonly alsoPull: string | undefined;
}

/** A token and how it was got, to get the next one the same way. */
interface Token {
  readonly challenge: Challenge;
  readonly header: string;
  readonly staleAtMs: number;
}

const MAX_TOKEN_ANSWER_BYTES = 1 << 20;
/** Registries that do not say keep a token this long (distribution "token" specification). */
const DEFAULT_LIFE_SECONDS = 60;
const CLIENT_ID = 'slipway';

/**
 * Knows the `Authorization` header for one repository: basic, or tokens fetched as the registry's
 * challenge says, kept until shortly before they expire.
 *
 * INVARIANT: what is returned here goes to the registry's own origin only; a password goes to the
 * token server the registry names, and never over plain HTTP unless the registry itself is plain.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #tokens = new Map<Actions, Token>();
  /** Token requests under way: blobs that start together ask once. */
  readonly #fetching = new Map<Actions, Promise<string>>();
  #basic: string | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whether there is anything to log in with. */
  async hasCredentials(): Promise<boolean> {
    return (await this.#find()) !== undefined;
  }

  /** The header to send, as far as it is known; expired tokens are renewed. */
  async header(actions: Actions, options: OperationOptions): Promise<string | undefined> {
    if (this.#basic !== undefined) return this.#basic;
    // Who may push may pull.
    const held = actions === 'pull' && this.#tokens.has('pull,push') ? 'pull,push' : actions;
    const token = this.#tokens.get(held);
    if (token === undefined) return undefined;
    if (this.#nowMs() < token.staleAtMs) return token.header;
    return await this.#fetchOnce(token.challenge, held, options);
  }

  /**
   * Learns from a 401 how to log in. False: there is nothing (more) to try.
   *
   * @param sent the header that was refused; another request may have learnt better meanwhile
   * @throws SlipwayError OCI_UNAUTHORIZED when the token server refuses
   */
  async learn(
    response: HttpResponse,
    actions: Actions,
    sent: string | undefined,
    options: OperationOptions,
  ): Promise<boolean> {
    const known = this.#basic ?? this.#tokens.get(actions)?.header;
    if (known !== undefined && known !== sent) return true;
    const challenges = parseChallenges(headerValues(response, 'www-authenticate'));
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      this.#checkRealm(bearer, response.url);
      await this.#fetchOnce(bearer, actions, options);
      return true;
    }
    const credentials = await this.#find();
    if (credentials?.kind !== 'password' || !challenges.some(({ scheme }) => scheme === 'basic'))
      return false;
    this.#basic = basicHeader(credentials);
    // Refused is what was sent, not what another request learnt while this one waited.
    return sent !== this.#basic;
  }

  #nowMs(): number {
    return this.#options.retry.clock.nowMs();
  }

  #find(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.credentials.find(this.#options.registry, this.#options.repository);
    return this.#credentials;
  }

  #checkRealm(challenge: Challenge, registryUrl: URL): void {
    const realm = challenge.params.get('realm') ?? '';
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    const isAllowed =
      url?.protocol === 'https:' || (url?.protocol === 'http:' && registryUrl.protocol === 'http:');
    if (isAllowed) return;
    throw new SlipwayError(
      'OCI_UNAUTHORIZED',
      `cannot log in to ${this.#options.registry}: it names ${JSON.stringify(realm.slice(0, 200))} as its token server`,
      { hint: 'a token server must be an https address; the registry is set up wrongly' },
    );
  }

  #fetchOnce(challenge: Challenge, actions: Actions, options: OperationOptions): Promise<string> {
    const underWay = this.#fetching.get(actions);
    if (underWay !== undefined) return underWay;
    const fetching = this.#fetchToken(challenge, actions, options).finally(() =>
      this.#fetching.delete(actions),
    );
    this.#fetching.set(actions, fetching);
    return fetching;
  }

  async #fetchToken(challenge: Challenge, actions: Actions, options: OperationOptions): Promise<string> {
    const credentials = await this.#find();
    if (credentials?.kind === 'registry-token') {
      return this.#keep(actions, challenge, credentials.token, Number.MAX_SAFE_INTEGER);
    }
    const answer = await withRetries(this.#options.retry, options, () =>
      this.#askTokenServer(challenge, actions, credentials, options),
    );
    const { token, access_token: accessToken, expires_in: lifeSeconds } = answer;
    const text = typeof token === 'string' && token !== '' ? token : accessToken;
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
      throw new SlipwayError(
        'OCI_UNAUTHORIZED',
        `cannot log in to ${this.#options.registry}: its token server sent no token`,
      );
    }
    const life = typeof lifeSeconds === 'number' && lifeSeconds > 0 ? lifeSeconds : DEFAULT_LIFE_SECONDS;
    return this.#keep(actions, challenge, text, life);
  }

  #keep(actions: Actions, challenge: Challenge, token: string, lifeSeconds: number): string {
    const marginSeconds = Math.min(30, lifeSeconds / 5);
    const header = `Bearer ${token}`;
    this.#tokens.set(actions, {
      challenge,
      header,
      staleAtMs: this.#nowMs() + (lifeSeconds - marginSeconds) * 1000,
    });
    return header;
  }

  async #askTokenServer(
    challenge: Challenge,
    actions: Actions,
    credentials: Credentials | undefined,
    options: OperationOptions,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { http, registry, repository } = this.#options;
    const context: RequestContext = {
      doing: 'get a token for',
      registry,
      repository,
      hasCredentials: credentials !== undefined,
      // The registry did, or nobody would know of the token server.
      hasAnswered: true,
      nowMs: this.#nowMs(),
    };
    const query = new URLSearchParams();
    const service = challenge.params.get('service');
    if (service !== undefined) query.set('service', service);
    for (const scope of this.#scopes(challenge, actions)) query.append('scope', scope);
    const url = new URL(challenge.params.get('realm') ?? '');
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    let response: HttpResponse;
    try {
      response =
        credentials?.kind === 'identity-token'
          ? await http.send({ method: 'POST', url, ...refreshRequest(query, credentials.token), ...signal })
          : await http.send({
              method: 'GET',
              url: withQuery(url, query),
              headers: identify(credentials),
              ...signal,
            });
    } catch (error) {
      throw errorOfConnection(error, context);
    }
    if (response.status !== 200) throw await errorOfResponse(response, context);
    return await readAnswer(response, context);
  }

  /**
   * The scope the challenge names, unless it is our repository: then all we are going to do there, and
   * the repository a mount reads from, for one token to serve the whole copy.
   */
  #scopes(challenge: Challenge, actions: Actions): readonly string[] {
    const { repository, alsoPull } = this.#options;
    const asked = challenge.params.get('scope');
    const isOurs = asked === undefined || asked.startsWith(`repository:${repository}:`);
    const own = isOurs ? `repository:${repository}:${actions}` : asked;
    return alsoPull === undefined || actions !== 'pull,push' ? [own] : [own, `repository:${alsoPull}:pull`];
  }
}

function basicHeader({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function identify(credentials: Credentials | undefined): Readonly<Record<string, string>> {
  return credentials?.kind === 'password' ? { authorization: basicHeader(credentials) } : {};
}

/** OAuth 2 refresh (distribution "oauth2 token" specification); several scopes are one text there. */
function refreshRequest(
  query: URLSearchParams,
  token: string,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: CLIENT_ID,
    refresh_token: token,
    service: query.get('service') ?? '',
    scope: query.getAll('scope').join(' '),
  });
  return { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString() };
}

/** The realm may carry a query of its own. */
function withQuery(url: URL, query: URLSearchParams): URL {
  const whole = new URL(url);
  for (const [name, value] of query) whole.searchParams.append(name, value);
  return whole;
}

async function readAnswer(
  response: HttpResponse,
  context: RequestContext,
): Promise<Readonly<Record<string, unknown>>> {
  const refuse = (cause?: unknown): SlipwayError =>
    new SlipwayError(
      'OCI_REGISTRY_FAILED',
      `cannot ${context.doing} ${context.registry}/${context.repository}: the token server's answer makes no sense`,
      { cause },
    );
  let bytes: Buffer;
  try {
    bytes = await collectBytes(response.body, MAX_TOKEN_ANSWER_BYTES, refuse);
  } catch (error) {
    throw errorOfConnection(error, context);
  }
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refuse();
  }
  if (typeof json !== 'object' || json === null) throw refuse();
  return json as Record<string, unknown>;
}
